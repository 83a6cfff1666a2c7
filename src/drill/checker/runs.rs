//! Numbers of inserts as a final read tells them.

/// Numbers as runs from the first to the last, in order.
pub(super) struct Runs<'a>(&'a [(u64, u64)], Vec<(u64, u64)>);

impl<'a> Runs<'a> {
    /// Takes runs; those that are out of order are put in order.
    pub(super) fn of(runs: &'a [(u64, u64)]) -> Self {
        if runs.windows(2).all(|pair| pair[0].1 < pair[1].0) {
            return Self(runs, Vec::new());
        }
        let mut sorted: Vec<(u64, u64)> = Vec::new();
        let mut given = runs.to_vec();
        given.sort_unstable();
        for (from, to) in given {
            match sorted.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => sorted.push((from, to)),
            }
        }
        Self(runs, sorted)
    }

    fn all(&self) -> &[(u64, u64)] {
        if self.1.is_empty() { self.0 } else { &self.1 }
    }

    /// Whether a number is in one of them.
    pub(super) fn holds(&self, number: u64) -> bool {
        let at = self.all().partition_point(|(from, _)| *from <= number);
        at > 0 && self.all()[at - 1].1 >= number
    }

    /// How many numbers there are, at most what fits.
    pub(super) fn count(&self) -> u64 {
        self.all().iter().fold(0, |sum: u64, (from, to)| sum.saturating_add((to - from).saturating_add(1)))
    }

    /// All numbers in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.all().iter().flat_map(|(from, to)| *from..=*to)
    }
}
