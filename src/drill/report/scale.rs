//! Steps that people read easily.

/// What a step is in tens, before its zeros.
const STEPS: [u64; 10] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];

/// The least number that is at least so much and reads easily: 1 to 6, 8, or one of the steps with zeros behind it.
pub(super) fn round_up(at_least: u64) -> u64 {
    if at_least <= 10 {
        return if matches!(at_least, 7 | 9) { at_least + 1 } else { at_least.max(1) };
    }
    let mut power = 1_u64;
    loop {
        if let Some(step) = STEPS.iter().map(|step| step.saturating_mul(power)).find(|step| *step >= at_least) {
            return step;
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_easily() {
        let rounded = [0, 1, 3, 7, 9, 11, 26, 50, 51, 81, 2_001, 2_632].map(round_up);
        assert_eq!(rounded, [1, 1, 3, 8, 10, 12, 30, 50, 60, 100, 2_500, 3_000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }
}
