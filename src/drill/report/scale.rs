//! Steps that people read easily.

/// The least of 1, 2 or 5 times a power of ten that is at least so much.
pub(super) fn round_up(at_least: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5].map(|factor| power.saturating_mul(factor)) {
            if step >= at_least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_one_two_or_five() {
        assert_eq!([0, 1, 3, 5, 11, 50, 51, 2_001].map(round_up), [1, 1, 5, 5, 20, 50, 100, 5_000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }
}
