//! What a check looks like.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::fragments::check::{Finding, Report, Row, Verdict};
use crate::fragments::look::Look;
use crate::fragments::mover::{Kept, Moved};
use crate::fragments::resolve::{Resolution, resolve};
use crate::ui::{Tone, Ui};
use protocol::Tally;

/// How long the longest bar of a histogram is, in characters.
const BAR: u64 = 40;

/// What came of one collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// What was seen, in the end.
    #[serde(flatten)]
    pub report: Report,
    /// What a repair would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intended: Option<Intended>,
    /// What a repair did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<Moved>,
}

/// What a repair would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Intended {
    /// How many documents move from where to where.
    pub moves: Vec<Move>,
    /// How many copies are deleted because another one is the same.
    pub deletes: u64,
    /// Older copies that go into a quarantine.
    pub quarantines: Vec<Kept>,
    /// Documents that differ in two places, and nobody can tell which one is newer.
    pub undecided: u64,
    /// Batches of an earlier run to bring to their end.
    pub unfinished: u64,
}

/// Documents that move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Where they are.
    pub from: String,
    /// Where they belong.
    pub to: String,
    /// How many.
    pub documents: u64,
}

impl Intended {
    /// Says what a repair would do about what was seen.
    pub fn of(seen: &Look) -> Self {
        let mut intended = Self::default();
        for (from, scan) in seen.scans.iter().filter_map(|(on, scan)| Some((on, scan.as_ref().ok()?))) {
            let moves = scan.belongs.iter();
            intended.moves.extend(moves.map(|(to, documents)| Move {
                from: from.clone(),
                to: to.clone(),
                documents: *documents,
            }));
            intended.unfinished += scan.unfinished;
        }
        for copies in seen.twins.iter().flat_map(|twins| &twins.same_id) {
            let Resolution::Remove(removals) = resolve(copies) else {
                intended.undecided += 1;
                continue;
            };
            for removal in removals {
                if removal.quarantine {
                    let why = "older than the copy that stays".to_owned();
                    intended.quarantines.push(Kept { on: removal.on, id: removal.shown, why });
                } else {
                    intended.deletes += 1;
                }
            }
        }
        intended
    }

    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        Self { undecided: 0, ..self.clone() } == Self::default()
    }
}

impl fmt::Display for Intended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = Vec::new();
        if self.unfinished > 0 {
            lines.push(format!("bring {} batches of an earlier run to their end", self.unfinished));
        }
        lines.extend(
            self.moves.iter().map(|one| format!("move {} documents from {} to {}", one.documents, one.from, one.to)),
        );
        if self.deletes > 0 {
            lines.push(format!("delete {} copies that are the same as the one that stays", self.deletes));
        }
        if !self.quarantines.is_empty() {
            lines.push(format!("keep {} older copies in the quarantine", self.quarantines.len()));
        }
        if self.undecided > 0 {
            lines.push(format!(
                "leave {} documents alone that differ in two places, with none of them newer",
                self.undecided
            ));
        }
        if lines.is_empty() {
            lines.push("nothing can be repaired".to_owned());
        }
        f.write_str(&lines.join("\n"))
    }
}

/// All of it, for people.
pub fn text(ui: &Ui, outcomes: &[Outcome]) -> String {
    outcomes.iter().map(|outcome| one(ui, outcome)).collect::<Vec<_>>().join("\n\n")
}

fn one(ui: &Ui, outcome: &Outcome) -> String {
    let report = &outcome.report;
    let mut parts = vec![fragments(ui, &report.fragments)];
    if !report.letters.is_empty() {
        parts.push(histogram(ui, &report.letters));
    }
    if !report.findings.is_empty() {
        parts.push(findings(ui, &report.findings));
    }
    if let Some(intended) = &outcome.intended {
        parts.push(format!("--repair would:\n{}", indented(&intended.to_string())));
    }
    if let Some(repaired) = &outcome.repaired {
        parts.push(repair(repaired));
    }
    let mut lines: Vec<String> = report.unknown.iter().map(|why| format!("unknown: {why}")).collect();
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.push(format!("{}: {}", report.fragmentation, verdict(report)));
    parts.push(lines.join("\n"));
    parts.join("\n\n")
}

fn verdict(report: &Report) -> String {
    match report.verdict {
        Verdict::Pass => format!(
            "pass: every document is where its {} wants it{}",
            report.key,
            if report.routing.probes.is_empty() { "" } else { ", and the service puts new ones there" }
        ),
        Verdict::Unknown => "unknown: not everything could be seen".to_owned(),
        Verdict::Fail => "fail".to_owned(),
    }
}

fn fragments(ui: &Ui, rows: &[Row]) -> String {
    let mut table = ui.table(&["FRAGMENT", "ON", "DOCUMENTS", "SHARE", "SIZE", "MISPLACED", "QUARANTINE"]);
    for row in rows {
        match &row.seen {
            Some(seen) => table.toned_row([
                (row.ranges.clone(), None),
                (row.on.clone(), None),
                (grouped(seen.documents), None),
                (format!("{:.1} %", seen.share), None),
                (size(seen.bytes), None),
                (grouped(seen.misplaced), (seen.misplaced > 0).then_some(Tone::Bad)),
                (grouped(seen.quarantined), (seen.quarantined > 0).then_some(Tone::Warning)),
            ]),
            None => table.toned_row([
                (row.ranges.clone(), None),
                (row.on.clone(), None),
                ("unknown".to_owned(), Some(Tone::Bad)),
            ]),
        };
    }
    table.to_string()
}

/// One line a letter, the longest bar for the most frequent.
pub fn histogram(ui: &Ui, letters: &BTreeMap<String, Tally>) -> String {
    let most = letters.values().map(|tally| tally.documents).max().unwrap_or_default().max(1);
    let mut table = ui.table(&["LETTER", "DOCUMENTS", "SIZE", ""]);
    for (letter, tally) in letters {
        let length = (tally.documents * BAR).div_ceil(most);
        let bar = "#".repeat(usize::try_from(length).unwrap_or_default());
        table.row([letter.clone(), grouped(tally.documents), size(tally.bytes), bar]);
    }
    table.to_string()
}

fn findings(ui: &Ui, findings: &[Finding]) -> String {
    let mut table = ui.table(&["FINDING", "ON", "COUNT", "FOR EXAMPLE"]);
    for finding in findings {
        let mut examples = finding.examples.iter().map(|one| match &one.key {
            Some(key) => format!("{} {key:?}: {}", one.id, one.why),
            None => format!("{}: {}", one.id, one.why),
        });
        let first = examples.next().unwrap_or_default();
        let tone = Some(Tone::Bad);
        table.toned_row([
            (finding.kind.to_string(), tone),
            (finding.on.clone(), None),
            (grouped(finding.count), None),
            (first, None),
        ]);
        examples.for_each(|example| _ = table.row(["", "", "", &example]));
    }
    table.to_string()
}

fn repair(moved: &Moved) -> String {
    let mut lines = vec![format!("repaired: {} moved, {} the same copies deleted", moved.moved, moved.deleted)];
    if moved.resumed > 0 {
        lines.push(format!("{} batches of an earlier run were brought to their end", moved.resumed));
    }
    lines.extend(
        moved.quarantined.iter().map(|one| format!("in the quarantine: {} on {}: {}", one.id, one.on, one.why)),
    );
    lines.extend(moved.left.iter().map(|one| format!("left alone: {} on {}: {}", one.id, one.on, one.why)));
    lines.join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// A number in groups of three: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size as a person says it.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 1_536, 5 << 20, 3 << 40].map(size), ["1 B", "1.5 KiB", "5.0 MiB", "3.0 TiB"]);
    }

    #[test]
    fn what_a_repair_would_do_in_words() {
        let kept = Kept { on: "rsA".into(), id: "7".into(), why: String::new() };
        let intended = Intended {
            moves: vec![Move { from: "rsA".into(), to: "rsB".into(), documents: 12 }],
            deletes: 1,
            quarantines: vec![kept],
            undecided: 2,
            unfinished: 1,
        };
        insta::assert_snapshot!(intended.to_string(), @r"
        bring 1 batches of an earlier run to their end
        move 12 documents from rsA to rsB
        delete 1 copies that are the same as the one that stays
        keep 1 older copies in the quarantine
        leave 2 documents alone that differ in two places, with none of them newer
        ");
        assert!(!intended.is_nothing() && Intended { undecided: 1, ..Intended::default() }.is_nothing());
    }
}
