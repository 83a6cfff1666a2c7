//! Progress on a terminal: one live line for each container, set and network.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paint::{Paint, Tone};
use super::progress::{Count, Notice, Show, short, summary};
use crate::engine::event::Event;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How long a frame of the spinner stands.
const FRAME: Duration = Duration::from_millis(100);

/// Names longer than this push the rest of their line to the right.
const LONGEST_NAME: usize = 24;

/// With more lanes than this only those at work have a line: a terminal shows no more lines than it is high.
const CROWD: usize = 16;

/// The live lines.
pub(super) struct Lanes {
    bars: MultiProgress,
    paint: Paint,
    lanes: HashMap<String, Lane>,
    /// How wide the names are, in characters.
    names: usize,
    total: Option<ProgressBar>,
    count: Count,
}

/// One container, set or network.
struct Lane {
    bar: Option<ProgressBar>,
    began: Instant,
    ended: Instant,
    /// The steps under way, by number.
    running: BTreeMap<usize, String>,
    has_failed: bool,
}

impl Lanes {
    pub(super) fn new(target: ProgressDrawTarget, paint: Paint) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(target),
            paint,
            lanes: HashMap::new(),
            names: 0,
            total: None,
            count: Count::default(),
        }
    }

    fn begin(&mut self, at: Instant, step: usize, name: &str, text: String) {
        self.names = self.names.max(name.chars().count()).min(LONGEST_NAME);
        let lane = self.lanes.entry(name.to_string()).or_insert_with(|| Lane::new(at));
        lane.running.insert(step, text);
        if lane.bar.is_none() {
            lane.bar = Some(add_line(&self.bars, self.total.as_ref()));
        }
        self.draw(at, name);
    }

    fn end(&mut self, at: Instant, step: usize, name: &str, has_failed: bool) {
        let is_crowded = self.lanes.len() > CROWD;
        let Some(lane) = self.lanes.get_mut(name) else { return };
        lane.running.remove(&step);
        lane.ended = at;
        lane.has_failed |= has_failed;
        if is_crowded
            && lane.running.is_empty()
            && !lane.has_failed
            && let Some(bar) = lane.bar.take()
        {
            self.bars.remove(&bar);
        }
        self.draw(at, name);
    }

    fn draw(&self, now: Instant, name: &str) {
        if let Some(lane) = self.lanes.get(name)
            && let Some(bar) = &lane.bar
        {
            bar.set_message(lane.line(now, name, self.names, self.paint));
        }
    }

    fn draw_total(&self, now: Instant) {
        if let Some(total) = &self.total {
            let Count { done, steps, .. } = self.count;
            total.set_message(format!("{done}/{steps} steps  {}", short(self.count.elapsed(now))));
        }
    }

    fn print(&self, text: &str) {
        self.bars.println(text).ok();
    }

    /// Turns the live lines into ordinary ones, in the order in which their lanes began.
    fn freeze(&mut self, now: Instant) {
        let mut lanes: Vec<_> = self.lanes.drain().collect();
        lanes.sort_by_key(|(name, lane)| (lane.began, name.clone()));
        lanes.retain(|(_, lane)| lane.bar.is_some());
        let lines: Vec<_> = lanes.iter().map(|(name, lane)| lane.line(now, name, self.names, self.paint)).collect();
        let bars = lanes.iter().filter_map(|(_, lane)| lane.bar.as_ref()).chain(&self.total);
        bars.for_each(|bar| self.bars.remove(bar));
        lines.iter().for_each(|line| self.print(line));
        self.total = None;
    }
}

/// Adds a line above the total.
fn add_line(bars: &MultiProgress, total: Option<&ProgressBar>) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // The message is the whole line, cut at the terminal's width; the template is right, so no error can come.
    if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
        bar.set_style(style);
    }
    match total {
        Some(total) => bars.insert_before(total, bar),
        None => bars.add(bar),
    }
}

impl Show for Lanes {
    fn event(&mut self, at: Instant, event: Event) {
        self.count.take(at, &event);
        match event {
            Event::Started { .. } => self.total = Some(add_line(&self.bars, None)),
            Event::StepStarted { step, lane, text } | Event::StepProgress { step, lane, text } => {
                self.begin(at, step, &lane, text);
            }
            Event::StepDone { step, lane, .. } => self.end(at, step, &lane, false),
            Event::StepFailed { step, lane, text, error } => {
                self.end(at, step, &lane, true);
                self.print(&self.paint.tone(Tone::Bad, &format!("{lane}: {text}: {error}")));
            }
            Event::Finished { done, failed, left, took } => {
                self.freeze(at);
                self.print(&summary(done, failed, left, took));
            }
            Event::Note(text) => self.print(&text),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        self.print(&notice.text(self.paint));
    }

    fn tick(&mut self, now: Instant) -> bool {
        self.lanes.keys().for_each(|name| self.draw(now, name));
        self.draw_total(now);
        self.total.is_some()
    }

    fn settle(&mut self) {
        self.freeze(Instant::now());
    }
}

impl Lane {
    fn new(at: Instant) -> Self {
        Self { bar: None, began: at, ended: at, running: BTreeMap::new(), has_failed: false }
    }

    /// The whole line; a terminal that is too narrow for it shows its beginning.
    fn line(&self, now: Instant, name: &str, width: usize, paint: Paint) -> String {
        let is_running = !self.running.is_empty();
        let until = if is_running { now } else { self.ended };
        let elapsed = until.saturating_duration_since(self.began);
        let (mark, tone) = match (self.has_failed, is_running) {
            (true, _) => ("✗", Tone::Bad),
            (false, true) => (frame(elapsed), Tone::Strong),
            (false, false) => ("✓", Tone::Good),
        };
        let head = format!("{} {name:<width$} {:>6}", paint.tone(tone, mark), short(elapsed));
        match (self.running.len(), self.running.values().last()) {
            (0 | 1, Some(text)) => format!("{head}  {text}"),
            (count, Some(text)) => format!("{head}  {text} (and {} more)", count - 1),
            (_, None) => head,
        }
    }
}

fn frame(elapsed: Duration) -> &'static str {
    let number = elapsed.as_millis() / FRAME.as_millis();
    SPINNER[(number % SPINNER.len() as u128) as usize]
}

#[cfg(test)]
mod tests;
