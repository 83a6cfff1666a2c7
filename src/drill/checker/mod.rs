//! Checkers: each a pure function from what was written down to a verdict. None knows a clock, a file or a network.

use serde::{Deserialize, Serialize};

mod availability;
mod completeness;
mod convergence;
mod durability;
mod elections;
mod healing;
mod reads;
mod rollback;
mod runs;
mod split;

pub use availability::{Availability, FaultGap, Gap, Gaps, availability};
pub use completeness::completeness;
pub use convergence::convergence;
pub use durability::{Durability, LostUpdate, durability};
pub use elections::{Election, Elections, Reign, elections};
pub use healing::{amiss, healing};
pub use reads::{ReadViolation, Reads, reads};
pub use rollback::{RolledBack, rollback};
pub use split::{Source, Split, split};

pub use crate::verdict::Verdict;

/// What one checker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The checker's name.
    pub name: String,
    /// The worst of its notes.
    pub verdict: Verdict,
    /// What it found, in sentences.
    pub notes: Vec<Note>,
}

/// One thing that a checker found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it does to the verdict.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
}

impl Check {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), verdict: Verdict::Pass, notes: Vec::new() }
    }

    fn note(&mut self, verdict: Verdict, text: impl Into<String>) {
        self.verdict = self.verdict.max(verdict);
        self.notes.push(Note { verdict, text: text.into() });
    }

    /// What decided: the notes that are as bad as the verdict.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().filter(|note| note.verdict == self.verdict).map(|note| note.text.as_str())
    }
}

/// `1 write`, `2 writes`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first few of a list of numbers: `17, 18, 19 and 4 more`.
fn listed(numbers: &[u64]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = numbers.iter().take(SHOWN).map(u64::to_string).collect();
    match numbers.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_holds() {
        assert!(Verdict::Fail > Verdict::Unknown && Verdict::Unknown > Verdict::Pass);
        let mut check = Check::new("a");
        check.note(Verdict::Fail, "lost");
        check.note(Verdict::Unknown, "silent");
        check.note(Verdict::Pass, "fine");
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.reasons().collect::<Vec<_>>(), ["lost"]);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([grouped(7), grouped(1_234), grouped(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!(listed(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }
}
