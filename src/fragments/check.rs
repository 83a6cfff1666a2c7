//! From what was seen to a verdict. Unknown is never a pass.

use std::collections::BTreeMap;

use protocol::{Example, Found, FragmentScan, Tally};
use serde::Serialize;

use super::join::Copy;
use super::look::Look;
use super::probe::Routing;
use crate::desired::Fragmented;

/// What a check came to; the later the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All was seen, and all is right.
    Pass,
    /// Something could not be seen.
    Unknown,
    /// Something is wrong.
    Fail,
}

/// What a check found, in the shape that people and programs read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name in the topology.
    pub fragmentation: String,
    /// Database and collection.
    pub collection: String,
    /// The field that decides.
    pub key: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// What each place has.
    pub fragments: Vec<Row>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub unknown: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Documents and bytes by first letter, in all places together.
    pub letters: BTreeMap<String, Tally>,
    /// Where the running service puts products.
    pub routing: Routing,
}

/// What one place has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The replica set or single mongod.
    pub on: String,
    /// Its letters.
    pub ranges: String,
    /// What was seen; `None` if it is away.
    pub seen: Option<Counts>,
}

/// The numbers of one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Its part of all documents, in percent.
    pub share: f64,
    /// How many of them belong elsewhere.
    pub misplaced: u64,
    /// How many older copies are in its quarantine.
    pub quarantined: u64,
    /// Whether all was seen as it was at one moment.
    pub snapshot: bool,
    /// How long the look took, in milliseconds.
    pub took_ms: u64,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Where.
    pub on: String,
    /// How often.
    pub count: u64,
    /// Some of it.
    pub examples: Vec<Example>,
}

/// What can be wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It belongs elsewhere.
    Misplaced,
    /// A copy of the same identity is in another place.
    SameId,
    /// Another document of the same key is in another place.
    SameKey,
    /// Its key shows nothing, so that no range takes it.
    EmptyKey,
    /// It has no key.
    WithoutKey,
    /// Its key is no text.
    WrongType,
    /// It was on its way when a run was killed.
    Unfinished,
    /// The running service puts it elsewhere.
    Routing,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Misplaced => "in the wrong fragment",
            Self::SameId => "in two fragments",
            Self::SameKey => "same key in two fragments",
            Self::EmptyKey => "in no range: the key is empty",
            Self::WithoutKey => "without key",
            Self::WrongType => "key is no text",
            Self::Unfinished => "move not finished",
            Self::Routing => "put in the wrong fragment by the service",
        })
    }
}

/// Judges what was seen.
pub fn check(fragmented: &Fragmented, look: &Look, routing: Routing, examples: usize) -> Report {
    let seen = || look.scans.iter().filter_map(|(on, scan)| Some((on, scan.as_ref().ok()?)));
    let all: u64 = seen().map(|(_, scan)| scan.documents).sum();
    let mut findings: Vec<Finding> = seen().flat_map(|(on, scan)| of_scan(on, scan)).collect();
    let mut unknown: Vec<String> =
        look.scans.iter().filter_map(|(on, scan)| Some(format!("{on}: {}", scan.as_ref().err()?))).collect();
    let mut notes: Vec<String> = seen()
        .filter(|(_, scan)| scan.quarantined > 0)
        .map(|(on, scan)| format!("{} older copies are in the quarantine on {on}", scan.quarantined))
        .collect();
    match &look.twins {
        Ok(twins) => {
            findings.extend(of_copies(Kind::SameId, &twins.same_id, examples));
            findings.extend(of_copies(Kind::SameKey, &twins.same_key, examples));
            if twins.more {
                notes.push("more documents may be in two fragments than are counted".to_owned());
            }
        }
        Err(why) => unknown.push(format!("documents in two fragments: {why}")),
    }
    let wrong = routing.wrong();
    if !wrong.is_empty() {
        let (count, on) = (wrong.len() as u64, "the service".to_owned());
        findings.push(Finding { kind: Kind::Routing, on, count, examples: wrong });
    }
    unknown.extend(routing.unknown.iter().cloned());
    notes.extend(routing.notes.iter().cloned());
    let verdict = match (findings.is_empty(), unknown.is_empty()) {
        (false, _) => Verdict::Fail,
        (true, false) => Verdict::Unknown,
        (true, true) => Verdict::Pass,
    };
    Report {
        fragmentation: fragmented.name.clone(),
        collection: fragmented.rule.collection.clone(),
        key: fragmented.rule.key.clone(),
        verdict,
        fragments: look.scans.iter().map(|(on, scan)| row(fragmented, on, scan.as_ref().ok(), all)).collect(),
        findings,
        unknown,
        notes,
        letters: letters(seen().map(|(_, scan)| scan)),
        routing,
    }
}

fn row(fragmented: &Fragmented, on: &str, scan: Option<&FragmentScan>, all: u64) -> Row {
    let seen = scan.map(|scan| Counts {
        documents: scan.documents,
        bytes: scan.bytes,
        share: if all == 0 { 0.0 } else { (scan.documents as f64 * 1000.0 / all as f64).round() / 10.0 },
        misplaced: scan.misplaced.count,
        quarantined: scan.quarantined,
        snapshot: scan.snapshot,
        took_ms: scan.took_ms,
    });
    Row { on: on.to_owned(), ranges: fragmented.ranges(on), seen }
}

fn of_scan(on: &str, scan: &FragmentScan) -> Vec<Finding> {
    let unfinished = Found { count: scan.unfinished, examples: Vec::new() };
    let found = [
        (Kind::Misplaced, &scan.misplaced),
        (Kind::EmptyKey, &scan.empty),
        (Kind::WithoutKey, &scan.without_key),
        (Kind::WrongType, &scan.wrong_type),
        (Kind::Unfinished, &unfinished),
    ];
    let there = found.into_iter().filter(|(_, found)| found.count > 0);
    there
        .map(|(kind, found)| Finding { kind, on: on.to_owned(), count: found.count, examples: found.examples.clone() })
        .collect()
}

fn of_copies(kind: Kind, groups: &[Vec<Copy>], examples: usize) -> Option<Finding> {
    let mut places: Vec<&str> = groups.iter().flatten().map(|copy| copy.on.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    let shown = groups.iter().take(examples).filter_map(|copies| {
        let first = copies.first()?;
        let ids = copies.iter().map(|copy| match kind {
            Kind::SameKey => format!("{} on {}", copy.seen.shown, copy.on),
            _ => copy.on.clone(),
        });
        let why = ids.collect::<Vec<_>>().join(" and ");
        Some(Example { id: first.seen.shown.clone(), key: first.seen.key.clone(), why })
    });
    let finding = Finding { kind, on: places.join(", "), count: groups.len() as u64, examples: shown.collect() };
    (finding.count > 0).then_some(finding)
}

/// The histogram of all places together.
pub fn letters<'s>(scans: impl Iterator<Item = &'s FragmentScan>) -> BTreeMap<String, Tally> {
    let mut letters: BTreeMap<String, Tally> = BTreeMap::new();
    for (letter, tally) in scans.flat_map(|scan| &scan.letters) {
        let sum = letters.entry(letter.clone()).or_default();
        sum.documents += tally.documents;
        sum.bytes += tally.bytes;
    }
    letters
}
