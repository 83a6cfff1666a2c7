//! Several runs side by side: what each lost, and how long clients waited.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::drill::checker::{Gaps, Verdict, grouped};

/// Several runs, a column each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What is compared: `w:1 or w:majority?`, `rsA and rsB`.
    pub heading: String,
    /// What the columns are called.
    pub titles: Vec<String>,
    /// Their verdicts.
    pub verdicts: Vec<Verdict>,
    /// What is compared.
    pub rows: Vec<Row>,
    /// What must be known before anything is concluded from them.
    pub remarks: Vec<String>,
}

/// One thing that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// Its value in each run.
    pub cells: Vec<String>,
    /// Whether a value is worse than it should be, in each run.
    pub is_bad: Vec<bool>,
}

/// Puts runs side by side.
pub fn compare(reports: &[Report]) -> Comparison {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: &str, cell: &dyn Fn(&Report) -> (String, bool)| {
        let (cells, is_bad) = reports.iter().map(cell).unzip();
        rows.push(Row { name: name.to_owned(), cells, is_bad });
    };
    add("verdict", &|report| (report.verdict.to_string(), report.verdict != Verdict::Pass));
    add("write concern", &|report| (format!("w:{}", or_dash(&report.run.write_concern)), false));
    add("faults", &|report| (report.faults.len().to_string(), false));
    add("acknowledged writes", &|report| (grouped(written(report)), false));
    add("lost writes", &lost);
    add("rolled back documents", &|report| {
        (grouped(report.numbers.rolled_back), report.numbers.rolled_back_acknowledged > 0)
    });
    add("of them acknowledged", &|report| count(report.numbers.rolled_back_acknowledged));
    add("recovered writes", &|report| (grouped(report.numbers.recovered), false));
    add("stale reads", &|report| (grouped(report.numbers.stale_reads), false));
    add("write gap, median", &|report| gap(report.numbers.write_gaps, |gaps| gaps.p50_ms));
    add("write gap, 99 of 100", &|report| gap(report.numbers.write_gaps, |gaps| gaps.p99_ms));
    add("write gap, longest", &|report| gap(report.numbers.write_gaps, |gaps| gaps.max_ms));
    add("read gap, longest", &|report| gap(report.numbers.read_gaps, |gaps| gaps.max_ms));
    add("writes a second, calm", &|report| (grouped(report.numbers.calm_writes.round() as u64), false));
    // What no run has need not be compared.
    rows.retain(|row| row.cells.iter().any(|cell| cell != "-"));
    Comparison {
        heading: heading(reports),
        titles: titles(reports),
        verdicts: reports.iter().map(|report| report.verdict).collect(),
        rows,
        remarks: remarks(reports),
    }
}

/// Their labels, with the set where there are several; else their names.
fn titles(reports: &[Report]) -> Vec<String> {
    let is_one = is_of_one_set(reports);
    let title = |report: &Report| match &report.run.label {
        Some(label) if is_one => label.clone(),
        Some(label) => format!("{} {label}", report.run.object),
        None if is_one => report.run.name.clone(),
        None => report.run.object.clone(),
    };
    reports.iter().map(title).collect()
}

fn is_of_one_set(reports: &[Report]) -> bool {
    reports.windows(2).all(|pair| pair[0].run.object == pair[1].run.object)
}

fn heading(reports: &[Report]) -> String {
    let titles = titles(reports);
    let has_labels = reports.iter().all(|report| report.run.label.is_some());
    if has_labels && is_of_one_set(reports) { titles.join(" or ") + "?" } else { titles.join(" and ") }
}

fn written(report: &Report) -> u64 {
    let of = |name: &str| report.numbers.operations.get(name).map_or(0, |outcomes| outcomes.acknowledged);
    of("insert") + of("swap")
}

fn lost(report: &Report) -> (String, bool) {
    match report.numbers.is_read_back {
        true => count(report.numbers.lost_writes),
        false => ("not known".to_owned(), true),
    }
}

fn count(number: u64) -> (String, bool) {
    (grouped(number), number > 0)
}

fn gap(gaps: Option<Gaps>, which: impl Fn(Gaps) -> u64) -> (String, bool) {
    (gaps.map_or("-".to_owned(), |gaps| format!("{} ms", grouped(which(gaps)))), false)
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// Runs that met different faults prove nothing about each other.
fn remarks(reports: &[Report]) -> Vec<String> {
    let schedule = |report: &Report| report.faults.iter().map(|row| row.fault).collect::<Vec<_>>();
    let Some(first) = reports.first() else { return Vec::new() };
    let mut remarks = Vec::new();
    if reports.iter().any(|report| schedule(report) != schedule(first)) {
        remarks.push("these runs did not meet the same faults, so they are hard to compare".to_owned());
    }
    if reports.iter().any(|report| report.run.workload != first.run.workload) {
        remarks.push("these runs had different workloads".to_owned());
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::Story;
    use crate::drill::mongod_log::Logs;
    use crate::drill::report::make;
    use crate::drill::run::Run;

    fn report(label: &str, story: Story) -> Report {
        let run = Run { label: Some(label.to_owned()), ..Run::default() };
        make(&run, &story.history(), &Logs::new())
    }

    fn story(write_concern: &str) -> Story {
        Story::with(write_concern, "local")
            .inserts_ok(1..30)
            .kill(0, 400)
            .inserts_ok(30..50)
            .healed(0)
            .insert_ok(50)
            .end()
    }

    #[test]
    fn the_lesson_is_in_one_table() {
        let lossy = story("1").finds(&[(1, 20), (30, 50)]).rolls_back(0, &[21, 22, 23], None);
        let reports = [report("w:1", lossy), report("w:majority", story("majority").finds(&[(1, 50)]))];
        let comparison = compare(&reports);
        let text: Vec<String> =
            comparison.rows.iter().map(|row| format!("{}: {}", row.name, row.cells.join(" | "))).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        verdict: fail | unknown
        write concern: w:1 | w:majority
        faults: 1 | 1
        acknowledged writes: 50 | 50
        lost writes: 9 | 0
        rolled back documents: 3 | 0
        of them acknowledged: 3 | 0
        recovered writes: 0 | 0
        stale reads: 0 | 0
        write gap, median: 410 ms | 410 ms
        write gap, 99 of 100: 410 ms | 410 ms
        write gap, longest: 410 ms | 410 ms
        writes a second, calm: 98 | 98
        ");
        assert!(comparison.remarks.is_empty());
    }

    #[test]
    fn runs_of_several_sets_bear_their_names() {
        let mut reports = [report("w:1", story("1")), report("w:1", story("1"))];
        (reports[0].run.object, reports[1].run.object) = ("rsA".to_owned(), "rsB".to_owned());
        assert_eq!(compare(&reports).titles, ["rsA w:1", "rsB w:1"]);
        reports.iter_mut().for_each(|report| report.run.label = None);
        assert_eq!(compare(&reports).heading, "rsA and rsB");
    }

    #[test]
    fn runs_with_other_faults_are_hard_to_compare() {
        let calm = Story::new().insert_ok(1).end();
        let comparison = compare(&[report("a", story("1")), report("b", calm)]);
        assert!(comparison.remarks[0].contains("same faults"));
        assert_eq!(comparison.rows[4].cells, ["not known", "not known"]);
        assert!(compare(&[]).titles.is_empty());
    }
}
