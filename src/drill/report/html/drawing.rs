//! Where everything stands on the time line: pure geometry, in the units of the drawing.

use protocol::SeenState;
use serde::Serialize;

use crate::drill::checker::grouped;
use crate::drill::report::scale::round_up;
use crate::drill::report::{FaultRow, GapRow, Report, Timeline};

/// The width of the drawing.
const WIDTH: f64 = 1_520.0;
/// Left of this stand names.
const LEFT: f64 = 176.0;
/// What is left free on the right.
const RIGHT: f64 = 16.0;
/// Where the chart begins, below the names of faults.
const TOP: f64 = 74.0;
/// How high the chart is.
const CHART: f64 = 230.0;
/// How high the strip of operations that were not acknowledged is.
const STRIP: f64 = 44.0;
/// How high a member's lane is.
const LANE: f64 = 30.0;
/// How wide a letter is, about.
const LETTER: f64 = 8.2;
/// More faults than this have their names in one row, for two would be a wall of text.
const FEW: usize = 30;
/// How many gaps have their length written beside them: the longest.
const TOLD: usize = 16;

/// A time line that is ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    chart_top: f64,
    chart_bottom: f64,
    strip_top: f64,
    strip_bottom: f64,
    lanes_bottom: f64,
    acknowledged: String,
    failed: String,
    unknown: String,
    strip_most: String,
    rates: Vec<Tick>,
    times: Vec<Tick>,
    bands: Vec<Band>,
    gaps: Vec<Mark>,
    lanes: Vec<LaneDrawing>,
}

/// A number on an axis.
#[derive(Debug, Serialize)]
struct Tick {
    at: f64,
    text: String,
}

/// A fault, from where it may be felt to the health of the set.
#[derive(Debug, Serialize)]
struct Band {
    x: f64,
    width: f64,
    held: f64,
    label: Option<Label>,
    title: String,
    tone: &'static str,
}

#[derive(Debug, Serialize)]
struct Label {
    x: f64,
    y: f64,
    text: String,
}

/// A gap with its length.
#[derive(Debug, Serialize)]
struct Mark {
    x: f64,
    width: f64,
    label: Option<Label>,
    title: String,
}

#[derive(Debug, Serialize)]
struct LaneDrawing {
    host: String,
    y: f64,
    height: f64,
    middle: f64,
    stays: Vec<StayDrawing>,
}

#[derive(Debug, Serialize)]
struct StayDrawing {
    x: f64,
    width: f64,
    state: &'static str,
    text: String,
    title: String,
}

/// From milliseconds to the drawing.
#[derive(Clone, Copy)]
struct Scale {
    length_ms: u64,
}

impl Scale {
    fn x(self, ms: u64) -> f64 {
        let part = ms.min(self.length_ms) as f64 / self.length_ms.max(1) as f64;
        round(LEFT + part * (WIDTH - LEFT - RIGHT))
    }

    fn width(self, from_ms: u64, until_ms: u64) -> f64 {
        round((self.x(until_ms) - self.x(from_ms)).max(1.5))
    }
}

impl Drawing {
    /// Draws the time line of a report.
    pub(super) fn of(report: &Report) -> Self {
        let line = &report.timeline;
        let scale = Scale { length_ms: line.length_ms };
        let chart_bottom = TOP + CHART;
        let strip_top = chart_bottom + 16.0;
        let strip_bottom = strip_top + STRIP;
        let lanes_top = strip_bottom + 20.0;
        let lanes_bottom = lanes_top + LANE * line.lanes.len() as f64;
        let seconds = line.step_ms as f64 / 1_000.0;
        let most = line.acknowledged.iter().copied().max().unwrap_or(0);
        let most_rate = round_up((f64::from(most) / seconds).ceil() as u64).max(1);
        let refused =
            line.failed.iter().zip(&line.unknown).map(|(failed, unknown)| failed + unknown).max().unwrap_or(0);
        let unknown = stacked(&[&line.unknown]);
        let failed = stacked(&[&line.unknown, &line.failed]);
        let strip = |counts: &[u32]| area(counts, f64::from(refused.max(1)), strip_bottom, STRIP, line, scale);
        Self {
            width: WIDTH,
            height: lanes_bottom + 40.0,
            left: LEFT,
            right: WIDTH - RIGHT,
            chart_top: TOP,
            chart_bottom,
            strip_top,
            strip_bottom,
            lanes_bottom,
            acknowledged: area(&line.acknowledged, most_rate as f64 * seconds, chart_bottom, CHART, line, scale),
            failed: strip(&failed),
            unknown: strip(&unknown),
            strip_most: grouped((f64::from(refused) / seconds).ceil() as u64),
            rates: rates(most_rate, chart_bottom),
            times: times(scale),
            bands: bands(&report.faults, scale),
            gaps: gaps(&line.gaps, scale),
            lanes: lanes(line, lanes_top, scale),
        }
    }
}

/// Adds up series, so that one can be drawn behind another.
fn stacked(series: &[&Vec<u32>]) -> Vec<u32> {
    let length = series.iter().map(|counts| counts.len()).max().unwrap_or(0);
    (0..length).map(|at| series.iter().filter_map(|counts| counts.get(at)).sum()).collect()
}

/// The outline of counts, step by step.
fn area(counts: &[u32], most: f64, bottom: f64, height: f64, line: &Timeline, scale: Scale) -> String {
    let mut path = format!("M{} {bottom}", scale.x(0));
    let mut last = None;
    for (at, count) in counts.iter().enumerate() {
        let y = round(bottom - f64::from(*count) / most * height);
        if last != Some(y) {
            path += &format!("H{}V{y}", scale.x(at as u64 * line.step_ms));
            last = Some(y);
        }
    }
    path + &format!("H{}V{bottom}Z", scale.x(line.length_ms))
}

fn rates(most: u64, bottom: f64) -> Vec<Tick> {
    let steps = if most < 4 { most } else { 4 };
    let tick = |step: u64| {
        let rate = most as f64 * step as f64 / steps as f64;
        let text = if rate.fract() == 0.0 { grouped(rate as u64) } else { rate.to_string() };
        Tick { at: round(bottom - CHART * step as f64 / steps as f64), text }
    };
    (0..=steps).map(tick).collect()
}

/// Marks of time, ten to twenty.
fn times(scale: Scale) -> Vec<Tick> {
    let step = [1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000]
        .into_iter()
        .find(|step| scale.length_ms / step <= 16)
        .unwrap_or_else(|| round_up(scale.length_ms / 16));
    let text = |ms: u64| match ms / 1_000 {
        seconds if step < 60_000 && scale.length_ms < 180_000 => format!("{seconds} s"),
        seconds => format!("{}:{:02}", seconds / 60, seconds % 60),
    };
    (0..=scale.length_ms / step).map(|at| Tick { at: scale.x(at * step), text: text(at * step) }).collect()
}

/// Places texts so that none covers another: in order of rank, each in the first row that is free there.
struct Rows {
    taken: Vec<Vec<(f64, f64)>>,
    first: f64,
    step: f64,
}

impl Rows {
    fn new(count: usize, first: f64, step: f64) -> Self {
        Self { taken: vec![Vec::new(); count], first, step }
    }

    /// A place for a text that is to be centred there, if there is one.
    fn place(&mut self, x: f64, text: String) -> Option<Label> {
        let half = text.chars().count() as f64 * LETTER / 2.0 + 5.0;
        let x = x.clamp(LEFT + half, (WIDTH - RIGHT - half).max(LEFT + half));
        let is_free = |row: &Vec<(f64, f64)>| row.iter().all(|(from, until)| x + half < *from || x - half > *until);
        let row = self.taken.iter().position(is_free)?;
        self.taken[row].push((x - half, x + half));
        Some(Label { x: round(x), y: self.first + self.step * row as f64, text })
    }
}

fn bands(faults: &[FaultRow], scale: Scale) -> Vec<Band> {
    let count = if faults.len() > FEW { 1 } else { 2 };
    let mut rows = Rows::new(count, if count == 1 { 38.0 } else { 20.0 }, 20.0);
    let bands = faults.iter().map(|row| {
        let until = row.healthy_ms.unwrap_or(scale.length_ms);
        let held = row.healing_ms.unwrap_or(until).min(until);
        let (x, width) = (scale.x(row.from_ms), scale.width(row.from_ms, until));
        Band {
            x,
            width,
            held: scale.width(row.from_ms, held).min(width),
            label: rows.place(x + width / 2.0, format!("{} {}", row.round + 1, row.fault)),
            title: format!("{}. {} of {}", row.round + 1, row.fault, row.targets.join(", ")),
            tone: row.verdict.word(),
        }
    });
    bands.collect()
}

fn gaps(gaps: &[GapRow], scale: Scale) -> Vec<Mark> {
    let mut rows = Rows::new(2, TOP + 16.0, 18.0);
    // The longest one gets its place first.
    let mut longest: Vec<&GapRow> = gaps.iter().collect();
    longest.sort_by_key(|gap| std::cmp::Reverse(gap.ms));
    let marks = longest.into_iter().enumerate().map(|(rank, gap)| {
        let more = if gap.is_open { " or more" } else { "" };
        let text = format!("{} ms{more}", grouped(gap.ms));
        let (x, width) = (scale.x(gap.from_ms), scale.width(gap.from_ms, gap.from_ms + gap.ms));
        let title = format!("no write was acknowledged for {text}");
        let label = if rank < TOLD { rows.place(x + width / 2.0, text) } else { None };
        Mark { x, width, label, title }
    });
    marks.collect()
}

fn lanes(line: &Timeline, top: f64, scale: Scale) -> Vec<LaneDrawing> {
    let lanes = line.lanes.iter().enumerate().map(|(at, lane)| {
        let y = top + LANE * at as f64;
        let stays = lane.stays.iter().map(|stay| {
            let width = scale.width(stay.from_ms, stay.until_ms);
            let word = word(stay.state);
            let text = stay.term.map_or(word.to_owned(), |term| format!("term {term}"));
            let fits = text.len() as f64 * LETTER + 10.0 < width;
            let is_told = fits && stay.state == SeenState::Primary;
            let seconds = (stay.until_ms - stay.from_ms) as f64 / 1_000.0;
            StayDrawing {
                x: scale.x(stay.from_ms),
                width,
                state: word,
                title: format!(
                    "{}: {word} for {seconds:.1} s{}",
                    lane.host,
                    stay.term.map(|term| format!(", term {term}")).unwrap_or_default()
                ),
                text: if is_told { text } else { String::new() },
            }
        });
        LaneDrawing {
            host: lane.host.clone(),
            y,
            height: LANE - 6.0,
            middle: y + LANE / 2.0 + 2.0,
            stays: stays.collect(),
        }
    });
    lanes.collect()
}

fn word(state: SeenState) -> &'static str {
    match state {
        SeenState::Primary => "primary",
        SeenState::Secondary => "secondary",
        SeenState::Other => "other",
        SeenState::Silent => "silent",
    }
}

/// A tenth of a unit is as fine as anybody sees.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_never_cover_each_other() {
        let mut rows = Rows::new(2, 10.0, 20.0);
        let heights: Vec<Option<f64>> =
            (0..4).map(|at| rows.place(500.0 + f64::from(at), "1 kill".to_owned()).map(|label| label.y)).collect();
        assert_eq!(heights, [Some(10.0), Some(30.0), None, None]);
        assert_eq!(rows.place(800.0, "2 stop".to_owned()).map(|label| label.y), Some(10.0));
        assert!(rows.place(0.0, "3 stop".to_owned()).unwrap().x > LEFT);
    }

    #[test]
    fn marks_of_time_are_few_and_readable() {
        let texts = |length_ms| times(Scale { length_ms }).into_iter().map(|tick| tick.text).collect::<Vec<_>>();
        assert_eq!(texts(4_200), ["0 s", "1 s", "2 s", "3 s", "4 s"]);
        assert_eq!(texts(600_000)[..3], ["0:00", "1:00", "2:00"]);
        assert!(texts(86_400_000).len() <= 25);
        assert_eq!(texts(0).len(), 1);
    }
}
