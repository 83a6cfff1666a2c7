//! The wall clock beside the monotonic one.

/// How much the two may drift apart before that is a jump, in milliseconds: reading both takes no longer.
const JUMP_MS: u64 = 50;

/// How the wall clock went: pieces in which it did not jump. Only logs of others are found by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clock {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    from: u64,
    until: u64,
    /// Wall time less monotonic time, in milliseconds.
    ahead_ms: i64,
}

impl Clock {
    /// Takes moments as both clocks had them: microseconds of the monotonic one, milliseconds since 1970.
    pub fn of(mut moments: Vec<(u64, i64)>) -> Self {
        moments.sort_unstable();
        let mut pieces: Vec<Piece> = Vec::new();
        for (us, wall_ms) in moments {
            let ahead_ms = wall_ms.saturating_sub(millis(us));
            match pieces.last_mut() {
                Some(last) if !Self::is_jump(last.ahead_ms, ahead_ms) => last.until = us,
                _ => pieces.push(Piece { from: us, until: us, ahead_ms }),
            }
        }
        Self { pieces }
    }

    /// Whether the wall clock, so many milliseconds ahead once and then, jumped in between.
    pub fn is_jump(once_ms: i64, then_ms: i64) -> bool {
        once_ms.abs_diff(then_ms) > JUMP_MS
    }

    /// How often the wall clock jumped.
    pub fn jumps(&self) -> usize {
        self.pieces.len().saturating_sub(1)
    }

    /// The moment that a log calls by its wall time; `None` where no clock ever showed that.
    pub fn moment(&self, wall_ms: i64) -> Option<u64> {
        let mut candidates = self.pieces.iter().enumerate().filter_map(|(at, piece)| {
            let us = u64::try_from(wall_ms.saturating_sub(piece.ahead_ms)).ok()?.checked_mul(1_000)?;
            // The clock jumped somewhere between the last look at one piece and the first at the next.
            let begins = at.checked_sub(1).map_or(0, |before| self.pieces[before].until);
            let ends = self.pieces.get(at + 1).map_or(u64::MAX, |next| next.from);
            (begins..ends).contains(&us).then_some(us)
        });
        candidates.next()
    }

    /// The wall time of a moment, in milliseconds since 1970.
    pub fn wall_ms(&self, us: u64) -> Option<i64> {
        let piece = self.pieces.iter().rev().find(|piece| piece.from <= us).or(self.pieces.first())?;
        Some(millis(us).saturating_add(piece.ahead_ms))
    }
}

fn millis(us: u64) -> i64 {
    i64::try_from(us / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_found_before_and_after_a_jump() {
        // After two seconds the wall clock is set back by an hour.
        let clock = Clock::of(vec![(1_000_000, 5_001_000), (2_000_000, 5_002_004), (3_000_000, 1_403_000)]);
        assert_eq!(clock.jumps(), 1);
        assert_eq!(clock.moment(5_001_500), Some(1_500_000));
        assert_eq!(clock.moment(1_403_200), Some(3_200_000));
        assert_eq!(clock.moment(1_402_500), Some(2_500_000), "between two looks");
        assert_eq!(clock.moment(1_401_500), None, "no clock ever showed that");
        assert_eq!(clock.wall_ms(1_500_000), Some(5_001_500));
    }
}
