//! The report as one page that needs nothing else: no script, no file, no network.

use serde::Serialize;
use tera::{Context, Tera};

use super::{Comparison, FaultRow, KindRow, LostWrites, Report, compare};
use crate::drill::checker::{Gaps, Split, Verdict, grouped};

mod drawing;

use drawing::Drawing;

/// The pages and what they include.
const TEMPLATES: [(&str, &str); 4] = [
    ("page.html", include_str!("page.html")),
    ("comparison.html", include_str!("comparison.html")),
    ("timeline.svg", include_str!("timeline.svg")),
    ("style.css", include_str!("style.css")),
];

/// How many faults the page lists; of more, those that took longest.
const LISTED: usize = 200;

/// Makes the page of one run.
///
/// # Errors
/// Where a template is broken.
pub fn page(report: &Report) -> Result<String, tera::Error> {
    render("page.html", &Page::of(report))
}

/// Makes the page that compares several runs.
///
/// # Errors
/// Where a template is broken.
pub fn comparison_page(reports: &[Report]) -> Result<String, tera::Error> {
    let comparison = compare(reports);
    let lines = comparison.rows.iter().map(|row| Line {
        name: row.name.clone(),
        cells: row.cells.iter().cloned().zip(row.is_bad.iter().copied()).collect(),
    });
    let several = Several { lines: lines.collect(), pages: reports.iter().map(Page::of).collect(), comparison };
    render("comparison.html", &several)
}

fn render(name: &str, page: &impl Serialize) -> Result<String, tera::Error> {
    let mut tera = Tera::default();
    tera.autoescape_on(vec![".html", ".svg", ".css"]);
    tera.add_raw_templates(TEMPLATES)?;
    tera.render(name, &Context::from_serialize(page)?)
}

/// What a page shows of one run.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    title: &'a str,
    began: String,
    duration: String,
    cards: Vec<Card>,
    drawing: Drawing,
    kinds: Vec<KindLine>,
    faults: Vec<FaultLine>,
    left_out: usize,
    lost: Vec<LostLine<'a>>,
    lost_left_out: u64,
    options: String,
    checks: Vec<CheckLine<'a>>,
}

#[derive(Serialize)]
struct Several<'a> {
    comparison: Comparison,
    lines: Vec<Line>,
    pages: Vec<Page<'a>>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    cells: Vec<(String, bool)>,
}

/// A number that is to be seen from the last row.
#[derive(Serialize)]
struct Card {
    value: String,
    unit: &'static str,
    what: &'static str,
    tone: &'static str,
}

/// A checker and what decided.
#[derive(Serialize)]
struct CheckLine<'a> {
    name: &'a str,
    verdict: Verdict,
    notes: Vec<(&'a str, Verdict)>,
}

/// A kind of faults with the median, the 99th of a hundred and the longest of its write gaps, then of its read gaps.
#[derive(Serialize)]
struct KindLine {
    kind: &'static str,
    count: u64,
    writes: [String; 3],
    reads: [String; 3],
}

/// Inserts that were lost.
#[derive(Serialize)]
struct LostLine<'a> {
    count: String,
    numbers: String,
    when: String,
    node: &'a str,
    term: String,
    is_rolled_back: bool,
}

/// A fault with a bar whose parts are percents of the longest gap.
#[derive(Serialize)]
struct FaultLine {
    number: u32,
    kind: &'static str,
    targets: String,
    gap: String,
    read: String,
    detection: String,
    election: String,
    driver: String,
    parts: Vec<(&'static str, f64)>,
    primary: String,
    reason: String,
    verdict: Verdict,
    note: String,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report) -> Self {
        let mut rows: Vec<&FaultRow> = report.faults.iter().collect();
        let left_out = rows.len().saturating_sub(LISTED);
        if left_out > 0 {
            let length = |row: &FaultRow| row.write_gap.map_or(0, |gap| gap.ms);
            rows.sort_by_key(|row| std::cmp::Reverse((row.verdict, length(row))));
            rows.truncate(LISTED);
            rows.sort_by_key(|row| row.round);
        }
        let longest = rows.iter().filter_map(|row| row.write_gap).map(|gap| gap.ms).max().unwrap_or(0);
        let lost_inserts =
            report.numbers.lost_writes - report.numbers.registers.iter().map(|lost| lost.updates).sum::<u64>();
        Self {
            title: report.run.title(),
            began: began(report),
            duration: duration(report.run.seconds),
            cards: cards(report),
            drawing: Drawing::of(report),
            kinds: report.kinds.iter().map(kind_line).collect(),
            faults: rows.iter().map(|row| line(row, longest)).collect(),
            left_out,
            lost: report.lost.iter().map(lost_line).collect(),
            lost_left_out: lost_inserts.saturating_sub(report.lost.iter().map(|run| run.count).sum()),
            options: report.run.options.join(" "),
            checks: report
                .checks
                .iter()
                .map(|check| CheckLine {
                    name: &check.name,
                    verdict: check.verdict,
                    notes: check.notes.iter().map(|note| (note.text.as_str(), note.verdict)).collect(),
                })
                .collect(),
            report,
        }
    }
}

fn began(report: &Report) -> String {
    let began = report.run.began_wall_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    began.map(|began| began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3_600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.1} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

fn cards(report: &Report) -> Vec<Card> {
    let numbers = &report.numbers;
    let card = |value: String, unit, what, tone| Card { value, unit, what, tone };
    let written = ["insert", "swap"].iter().filter_map(|name| numbers.operations.get(*name));
    let written: u64 = written.map(|outcomes| outcomes.acknowledged).sum();
    let lost = match (numbers.is_read_back, numbers.lost_writes) {
        (false, _) => card("?".to_owned(), "", "lost writes", "unknown"),
        (true, 0) => card("0".to_owned(), "", "lost writes", "pass"),
        (true, lost) => card(grouped(lost), "", "lost writes", "fail"),
    };
    let gap = |pick: fn(&Gaps) -> u64| numbers.write_gaps.as_ref().map_or("-".to_owned(), |gaps| grouped(pick(gaps)));
    let mut cards = vec![
        lost,
        card(grouped(written), "", "acknowledged writes", ""),
        card(gap(|gaps| gaps.p50_ms), "ms", "write gap, median", ""),
        card(gap(|gaps| gaps.max_ms), "ms", "write gap, longest", ""),
        card(report.faults.len().to_string(), "", "faults injected", ""),
        card(grouped(numbers.calm_writes.round() as u64), "/s", "writes before the first", ""),
    ];
    if numbers.rolled_back > 0 {
        let tone = if numbers.rolled_back_acknowledged > 0 { "fail" } else { "" };
        cards.insert(1, card(grouped(numbers.rolled_back), "", "rolled back", tone));
    }
    cards
}

fn lost_line(run: &LostWrites) -> LostLine<'_> {
    let seconds = |ms: u64| format!("{:.2}", ms as f64 / 1_000.0);
    let numbers = match run.ops[..] {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] if last - first == run.count - 1 => format!("{first} to {last}"),
        [first, ..] => format!("from {first} on"),
    };
    LostLine {
        count: grouped(run.count),
        numbers,
        when: format!("{} to {} s", seconds(run.from_ms), seconds(run.until_ms)),
        node: run.node.as_deref().unwrap_or("–"),
        term: run.term.map_or("–".to_owned(), |term| term.to_string()),
        is_rolled_back: run.is_rolled_back,
    }
}

fn kind_line(row: &KindRow) -> KindLine {
    let gaps = |gaps: Option<Gaps>| match gaps {
        Some(gaps) => [gaps.p50_ms, gaps.p99_ms, gaps.max_ms].map(|ms| format!("{} ms", grouped(ms))),
        None => ["–", "–", "–"].map(str::to_owned),
    };
    KindLine { kind: row.fault.name(), count: row.count, writes: gaps(row.write_gaps), reads: gaps(row.read_gaps) }
}

fn line(row: &FaultRow, longest: u64) -> FaultLine {
    let ms = |ms: Option<u64>| ms.map_or("–".to_owned(), grouped);
    let gap = |gap: Option<super::GapRow>| match gap {
        Some(gap) if gap.is_open => format!("> {}", grouped(gap.ms)),
        gap => ms(gap.map(|gap| gap.ms)),
    };
    let split = row.split.as_ref();
    FaultLine {
        number: row.round + 1,
        kind: row.fault.name(),
        targets: row.targets.join(", "),
        gap: gap(row.write_gap),
        read: gap(row.read_gap),
        detection: ms(split.and_then(|split| split.detection_ms)),
        election: ms(split.and_then(|split| split.election_ms)),
        driver: ms(split.map(|split| split.driver_ms)),
        parts: parts(row.write_gap.map_or(0, |gap| gap.ms), split, longest),
        primary: split.map(|split| split.primary.clone()).unwrap_or_default(),
        reason: split.and_then(|split| split.reason.clone()).unwrap_or_default(),
        verdict: row.verdict,
        note: row.note.clone().unwrap_or_default(),
    }
}

/// The parts of a gap, in percents of the longest one.
fn parts(gap: u64, split: Option<&Split>, longest: u64) -> Vec<(&'static str, f64)> {
    let percent = |ms: u64| (ms as f64 * 1_000.0 / longest.max(1) as f64).round() / 10.0;
    let Some(split) = split else { return vec![("whole", percent(gap))] };
    match (split.detection_ms, split.election_ms) {
        (Some(detection), Some(election)) => {
            vec![
                ("detection", percent(detection)),
                ("election", percent(election)),
                ("driver", percent(split.driver_ms)),
            ]
        }
        _ => vec![("both", percent(split.primary_ms)), ("driver", percent(split.driver_ms))],
    }
}

#[cfg(test)]
pub(super) mod tests;
