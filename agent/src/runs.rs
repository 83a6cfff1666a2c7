//! Numbers, written short as runs of consecutive ones.

/// A run: its first and last number, both included.
pub type Run = (u64, u64);

/// The runs in numbers of any order, and the numbers that are there more than once.
pub fn of(mut numbers: Vec<u64>) -> (Vec<Run>, Vec<u64>) {
    numbers.sort_unstable();
    let (mut runs, mut twice): (Vec<Run>, Vec<u64>) = (Vec::new(), Vec::new());
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last == number => twice.push(number),
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    twice.dedup();
    (runs, twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_make_a_run() {
        assert_eq!(of(vec![7, 1, 2, 3, 9]), (vec![(1, 3), (7, 7), (9, 9)], vec![]));
        assert_eq!(of(vec![]), (vec![], vec![]));
    }

    #[test]
    fn what_is_there_twice_is_told_once() {
        assert_eq!(of(vec![4, 4, 4, 5, 6, 6]), (vec![(4, 6)], vec![4, 6]));
    }
}
