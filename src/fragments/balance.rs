//! What other ranges would do to the balance, from a histogram by first letter.

use std::collections::BTreeMap;

use fragmentation::{Fragmentation, Range};
use protocol::Tally;
use serde::Serialize;

/// The number of letters.
const LETTERS: usize = 26;

/// The name under which a histogram has what begins with no letter.
const OTHER: &str = "other";

/// What ranges would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// What each fragment would have.
    pub fragments: Vec<Part>,
    /// How many documents would move, and their bytes.
    pub moving: Tally,
    /// How many there are.
    pub all: Tally,
}

/// What one fragment would have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Its letters.
    pub range: String,
    /// Whether it takes what begins with no letter.
    pub default: bool,
    /// Where it would be: one of the places there are, or a new one.
    pub on: String,
    /// What it would have.
    pub holds: Tally,
    /// Its part of all documents, in percent.
    pub share: f64,
    /// How many of those would come from elsewhere.
    pub arriving: u64,
}

/// Why ranges can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// One is no range.
    #[error("{0}")]
    NotARange(String),
    /// Together they do not take every letter once.
    #[error("{0}")]
    NotWhole(String),
    /// So many parts can't be made of 26 letters.
    #[error("there can be 1 to 26 ranges, not {0}")]
    Count(usize),
}

/// Reads `A-F,G-M,N-Z`.
///
/// # Errors
/// What is no range, and ranges that leave a letter out or take one twice.
pub fn read(text: &str) -> Result<Vec<Range>, Wrong> {
    let ranges: Vec<Range> = text
        .split(',')
        .map(|range| range.trim().to_uppercase().parse::<Range>().map_err(|error| Wrong::NotARange(error.to_string())))
        .collect::<Result<_, _>>()?;
    for letter in 'A'..='Z' {
        match ranges.iter().filter(|range| range.contains(letter)).count() {
            0 => return Err(Wrong::NotWhole(format!("no range takes {letter}"))),
            1 => {}
            _ => return Err(Wrong::NotWhole(format!("{letter} is in two ranges"))),
        }
    }
    Ok(ranges)
}

/// How a collection is spread, and what it has by first letter.
#[derive(Debug, Clone)]
pub struct Histogram<'f> {
    rule: &'f Fragmentation,
    letters: [Tally; LETTERS],
    other: Tally,
}

impl<'f> Histogram<'f> {
    /// Takes what a check counted.
    pub fn new(rule: &'f Fragmentation, letters: &BTreeMap<String, Tally>) -> Self {
        let of = |name: &str| letters.get(name).copied().unwrap_or_default();
        let counted = std::array::from_fn(|index| of(&letter(index).to_string()));
        Self { rule, letters: counted, other: of(OTHER) }
    }

    /// Says what these ranges would do. The first goes where the one with the lowest letters is now, and so on; where
    /// there are more of them than places, the rest is new. What begins with no letter stays in its place.
    pub fn with(&self, ranges: &[Range]) -> Balance {
        let (places, default) = (self.places(), self.default());
        let mut sorted = ranges.to_vec();
        sorted.sort_by_key(|range| range.first());
        let on =
            |index: usize| places.get(index).cloned().unwrap_or_else(|| format!("new {}", index + 1 - places.len()));
        let default_at = (0..sorted.len()).find(|index| on(*index) == default).unwrap_or_default();
        let all = add(self.letters.iter().copied().fold(Tally::default(), add), self.other);
        let mut moving = Tally::default();
        let mut fragments = Vec::new();
        for (index, range) in sorted.iter().enumerate() {
            let on = on(index);
            let (mut holds, mut arriving) = (Tally::default(), Tally::default());
            for at in (0..LETTERS).filter(|at| range.contains(letter(*at))) {
                holds = add(holds, self.letters[at]);
                if self.owner(letter(at)) != on {
                    arriving = add(arriving, self.letters[at]);
                }
            }
            if index == default_at {
                holds = add(holds, self.other);
                if on != default {
                    arriving = add(arriving, self.other);
                }
            }
            moving = add(moving, arriving);
            let share = if all.documents == 0 { 0.0 } else { holds.documents as f64 * 100.0 / all.documents as f64 };
            fragments.push(Part {
                range: range.to_string(),
                default: index == default_at,
                on,
                holds,
                share: (share * 10.0).round() / 10.0,
                arriving: arriving.documents,
            });
        }
        Balance { fragments, moving, all }
    }

    /// The ranges of `count` fragments whose largest has the fewest documents; of several such, those that move least.
    ///
    /// # Errors
    /// [`Wrong::Count`].
    pub fn suggest(&self, count: usize) -> Result<Vec<Range>, Wrong> {
        if !(1..=LETTERS).contains(&count) {
            return Err(Wrong::Count(count));
        }
        let places = self.places();
        let default_at = places.iter().take(count).position(|on| *on == self.default()).unwrap_or_default();
        let weight = |from: usize, to: usize, index: usize| {
            let documents: u64 = self.letters[from..to].iter().map(|tally| tally.documents).sum();
            documents + if index == default_at { self.other.documents } else { 0 }
        };
        let arriving = |from: usize, to: usize, index: usize| -> u64 {
            let on = places.get(index);
            let arrives = |at: &usize| Some(&self.owner(letter(*at))) != on;
            // Of those that move as many documents, the one that gives the fewest letters away.
            (from..to).filter(arrives).map(|at| self.letters[at].documents * 32 + 1).sum()
        };
        let largest = split(count, |so_far: u64, from, to, index| so_far.max(weight(from, to, index)));
        let largest = largest.map_or(u64::MAX, |(largest, _)| largest);
        let cuts = split(count, |so_far: u64, from, to, index| match weight(from, to, index) <= largest {
            true => so_far.saturating_add(arriving(from, to, index)),
            false => u64::MAX,
        });
        let cuts = cuts.map(|(_, cuts)| cuts).unwrap_or_default();
        let ranges = cuts.windows(2).filter_map(|cut| Range::new(letter(cut[0]), letter(cut[1] - 1)));
        Ok(ranges.collect())
    }

    /// The places there are, in the order of their lowest letters.
    fn places(&self) -> Vec<String> {
        let mut ranged: Vec<_> =
            self.rule.fragments.iter().filter_map(|one| Some((one.range?.first(), &one.on))).collect();
        ranged.sort_unstable();
        let mut places: Vec<String> = Vec::new();
        for (_, on) in ranged {
            if !places.contains(on) {
                places.push(on.clone());
            }
        }
        places
    }

    fn default(&self) -> String {
        let default = self.rule.fragments.iter().find(|fragment| fragment.default);
        default.map(|fragment| fragment.on.clone()).unwrap_or_default()
    }

    fn owner(&self, letter: char) -> String {
        let owner = self.rule.fragments.iter().find(|one| one.range.is_some_and(|range| range.contains(letter)));
        owner.map(|fragment| fragment.on.clone()).unwrap_or_default()
    }
}

/// The cheapest way to cut 26 letters into `count` runs: its cost, and where each run begins, with the end at the end.
/// `cost` adds the run of letters `from..to`, which is the one of this index, to the cost of those before.
fn split(count: usize, cost: impl Fn(u64, usize, usize, usize) -> u64) -> Option<(u64, Vec<usize>)> {
    let mut best: Vec<Option<(u64, Vec<usize>)>> = vec![None; LETTERS + 1];
    best[0] = Some((0, vec![0]));
    for index in 0..count {
        let mut next: Vec<Option<(u64, Vec<usize>)>> = vec![None; LETTERS + 1];
        for (from, before) in best.iter().enumerate() {
            let Some((so_far, cuts)) = before else { continue };
            for (to, known) in next.iter_mut().enumerate().skip(from + 1) {
                let total = cost(*so_far, from, to, index);
                if known.as_ref().is_none_or(|(known, _)| total < *known) {
                    *known = Some((total, cuts.iter().copied().chain([to]).collect()));
                }
            }
        }
        best = next;
    }
    best.pop().flatten()
}

fn letter(index: usize) -> char {
    char::from(b'A' + u8::try_from(index).unwrap_or_default())
}

fn add(one: Tally, other: Tally) -> Tally {
    Tally { documents: one.documents + other.documents, bytes: one.bytes + other.bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Fragmentation {
        let json = r#"{"collection":"shop.products","key":"name","fragments":[
            {"range":"N-Z","on":"rsB"},{"range":"A-M","on":"rsA","default":true}]}"#;
        Fragmentation::from_json(json.as_bytes()).unwrap()
    }

    fn letters(counts: &[(&str, u64)]) -> BTreeMap<String, Tally> {
        let tally = |documents: u64| Tally { documents, bytes: documents * 100 };
        counts.iter().map(|(letter, count)| ((*letter).to_owned(), tally(*count))).collect()
    }

    fn shown(ranges: &[Range]) -> String {
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn ranges_must_take_every_letter_once() {
        assert_eq!(shown(&read("a-f, G-M,N-Z").unwrap()), "A-F,G-M,N-Z");
        assert_eq!(read("A-F,H-Z").unwrap_err().to_string(), "no range takes G");
        assert_eq!(read("A-N,N-Z").unwrap_err().to_string(), "N is in two ranges");
        assert!(read("A-Z,").unwrap_err().to_string().contains("no range of letters"));
        assert!(read("Z-A").is_err() && read("").is_err());
    }

    #[test]
    fn what_moves_is_counted() {
        let rule = rule();
        let letters = letters(&[("A", 10), ("F", 20), ("M", 30), ("S", 40), ("other", 5)]);
        let histogram = Histogram::new(&rule, &letters);
        let now = histogram.with(&read("A-M,N-Z").unwrap());
        assert_eq!((now.moving.documents, now.all.documents, now.all.bytes), (0, 105, 10_500));
        let row =
            |part: &Part| (part.on.clone(), part.range.clone(), part.holds.documents, part.arriving, part.default);
        let rows: Vec<_> = now.fragments.iter().map(row).collect();
        assert_eq!(rows[0], ("rsA".into(), "A-M".into(), 65, 0, true));
        assert_eq!(rows[1], ("rsB".into(), "N-Z".into(), 40, 0, false));
        let three = histogram.with(&read("A-F,G-R,S-Z").unwrap());
        let rows: Vec<_> = three.fragments.iter().map(row).collect();
        assert_eq!(rows[1], ("rsB".into(), "G-R".into(), 30, 30, false));
        assert_eq!(rows[2], ("new 1".into(), "S-Z".into(), 40, 40, false));
        assert_eq!((three.moving.documents, three.moving.bytes), (70, 7_000));
        assert!((three.fragments[0].share - 33.3).abs() < 0.01);
        let empty = BTreeMap::new();
        assert!(Histogram::new(&rule, &empty).with(&read("A-Z").unwrap()).fragments[0].share.abs() < 0.01);
    }

    #[test]
    fn the_largest_is_made_as_small_as_it_can_be() {
        let rule = rule();
        let counts = letters(&[("A", 50), ("B", 10), ("C", 10), ("D", 10), ("E", 10), ("Z", 10)]);
        let histogram = Histogram::new(&rule, &counts);
        assert_eq!(shown(&histogram.suggest(2).unwrap()), "A,B-Z");
        assert_eq!(shown(&histogram.suggest(1).unwrap()), "A-Z");
        let three = histogram.suggest(3).unwrap();
        assert_eq!(three.len(), 3);
        let largest = |ranges: &[Range]| histogram.with(ranges).fragments.iter().map(|p| p.holds.documents).max();
        assert_eq!(largest(&three), Some(50));
        assert_eq!(histogram.suggest(26).unwrap().len(), 26);
        assert_eq!([0, 27].map(|count| histogram.suggest(count).is_err()), [true, true]);
    }

    #[test]
    fn of_equal_ones_the_one_that_moves_least_is_taken() {
        let rule = rule();
        let counts = letters(&[("A", 50), ("Z", 50)]);
        assert_eq!(shown(&Histogram::new(&rule, &counts).suggest(2).unwrap()), "A-M,N-Z", "as it is now");
        let counts = letters(&[("A", 40), ("C", 1), ("Z", 50), ("other", 1)]);
        let ranges = Histogram::new(&rule, &counts).suggest(2).unwrap();
        let balance = Histogram::new(&rule, &counts).with(&ranges);
        assert_eq!(balance.moving.documents, 0, "{}", shown(&ranges));
    }

    #[test]
    fn no_suggestion_is_worse_than_any_other_cut() {
        let rule = rule();
        let counts: BTreeMap<String, Tally> = (0..LETTERS)
            .map(|at| (letter(at).to_string(), Tally { documents: (at as u64 * 7919) % 97, bytes: 0 }))
            .collect();
        let histogram = Histogram::new(&rule, &counts);
        let largest =
            |ranges: &[Range]| histogram.with(ranges).fragments.iter().map(|p| p.holds.documents).max().unwrap();
        let suggested = largest(&histogram.suggest(3).unwrap());
        for first in 1..LETTERS - 1 {
            for second in first + 1..LETTERS {
                let cut = [(0, first), (first, second), (second, LETTERS)];
                let ranges = cut.map(|(from, to)| Range::new(letter(from), letter(to - 1)).unwrap());
                assert!(suggested <= largest(&ranges), "{}", shown(&ranges));
            }
        }
    }
}
