//! Shows values: data on standard output, everything else on standard error. Nothing else in the program prints.

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::ProgressDrawTarget;
use serde::Serialize;

use crate::engine::event::Reporter;
use crate::topology::Findings;

mod error;
mod hidden;
mod hint;
mod json;
mod lanes;
mod mode;
mod paint;
mod progress;
mod screen;
mod table;
mod terminal;

pub use error::{Exit, Interrupted, OutputClosed};
pub use hint::Advise;
pub use mode::{Options, Output, Progress};
pub use paint::{Paint, Tone};
pub use table::Table;
pub use terminal::{Keys, Live, RawMode};

use mode::Terminals;
use progress::{Notice, Show};
use screen::Screen;

/// How many times in a second live lines are drawn at most.
const DRAWS_PER_SECOND: u8 = 20;

/// What a command shows itself with. Clones show on the same streams.
#[derive(Debug, Clone)]
pub struct Ui {
    options: Options,
    terminals: Terminals,
    screen: Screen,
}

impl Ui {
    /// Decides once how everything is shown.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn new(options: Options) -> io::Result<Self> {
        let terminals = Terminals::of_process();
        let screen = Screen::open(show_for(options, &terminals))?;
        Ok(Self { options, terminals, screen })
    }

    /// Shows the result of a command: JSON with `--output json`, else the text.
    ///
    /// # Errors
    /// [`OutputClosed`] when nobody reads any more, which is to be passed on.
    pub fn data(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let mut text = if self.is_json() { serde_json::to_string_pretty(value)? } else { text() };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        self.bytes(text.as_bytes())
    }

    /// Shows one item of a stream on a line of its own: compact JSON with `--output json`, else the text.
    ///
    /// # Errors
    /// [`OutputClosed`] when nobody reads any more, which is to be passed on.
    pub fn line(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let mut text = if self.is_json() { serde_json::to_string(value)? } else { text() };
        text.push('\n');
        self.bytes(text.as_bytes())
    }

    /// Writes bytes to standard output as they are.
    ///
    /// # Errors
    /// [`OutputClosed`] when nobody reads any more, which is to be passed on.
    pub fn bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        self.settle();
        match write_all(io::stdout().lock(), bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
            written => written.context("can't write to standard output"),
        }
    }

    /// Writes bytes of a command in a guest to standard error as they are. That nobody reads them is no failure.
    pub fn error_bytes(&self, bytes: &[u8]) {
        self.settle();
        write_all(io::stderr().lock(), bytes).ok();
    }

    /// Begins a table for [`Ui::data`], with its column titles.
    pub fn table(&self, titles: &[&str]) -> Table {
        Table::new(self.paint(), titles)
    }

    /// How text for standard output is coloured.
    pub fn paint(&self) -> Paint {
        Paint(self.terminals.colour(self.terminals.stdout))
    }

    /// Whether data is shown as JSON.
    pub fn is_json(&self) -> bool {
        self.options.output == Output::Json
    }

    /// How often `-v` was given.
    pub fn verbosity(&self) -> u8 {
        self.options.verbosity
    }

    /// Whether a person can be asked.
    pub fn is_interactive(&self) -> bool {
        self.terminals.stdin && self.terminals.stderr
    }

    /// Whether a command in a guest can be given this terminal: both its input and its output are one.
    pub fn has_terminal(&self) -> bool {
        self.terminals.stdin && self.terminals.stdout
    }

    /// Begins a live picture on the terminal; `None` where standard output is none that could show it.
    ///
    /// # Errors
    /// Where the terminal refuses.
    pub fn live(&self) -> anyhow::Result<Option<Live>> {
        if !self.has_terminal() || self.terminals.dumb {
            return Ok(None);
        }
        self.settle();
        Live::enter().map(Some)
    }

    /// Hands the terminal's keys over as they are pressed, until the guard is dropped.
    ///
    /// # Errors
    /// Where the terminal refuses.
    pub fn raw_mode(&self) -> anyhow::Result<RawMode> {
        self.settle();
        RawMode::enter()
    }

    /// Says something worth knowing.
    pub fn note(&self, text: impl Into<String>) {
        self.screen.notice(Notice::Note(text.into()));
    }

    /// Says something that only `-v` wants to know.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.options.verbosity > 0 {
            self.note(text());
        }
    }

    /// Says something worth acting on, even when quiet.
    pub fn warn(&self, text: impl Into<String>) {
        self.screen.notice(Notice::Warning(text.into()));
    }

    /// Counts findings in words: `2 errors and 1 warning`.
    pub fn count(findings: &Findings) -> String {
        error::count(findings)
    }

    /// Shows why a command failed, and tells its exit code.
    pub fn failure(&self, error: &anyhow::Error) -> Exit {
        let exit = error::exit_of(error);
        if exit != Exit::Ok {
            if let Some(findings) = error::findings_of(error) {
                self.screen.notice(Notice::Findings(findings.clone()));
            }
            self.screen.notice(Notice::Failure(error::Report::of(error)));
        }
        exit
    }

    /// Shows the events of a plan while it is carried out.
    pub fn reporter(&self) -> Arc<dyn Reporter> {
        Arc::new(self.screen.clone())
    }

    /// Waits until standard error is written and stands still.
    pub fn settle(&self) {
        self.screen.settle();
    }

    /// Asks a question that is answered with yes or no; no is the default. `--yes` answers it.
    ///
    /// # Errors
    /// Where there is nobody to ask.
    pub async fn confirm(&self, question: &str) -> anyhow::Result<bool> {
        if self.options.yes {
            return Ok(true);
        }
        let answer = self.ask(&format!("{question} [y/N] ")).await?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a name to be typed, for what can't be undone, and tells whether it was. `--yes` types it.
    ///
    /// # Errors
    /// Where there is nobody to ask.
    pub async fn ask_name(&self, expected: &str) -> anyhow::Result<bool> {
        if self.options.yes {
            return Ok(true);
        }
        Ok(self.ask(&format!("Type {expected} to go on: ")).await? == expected)
    }

    async fn ask(&self, question: &str) -> anyhow::Result<String> {
        if !self.is_interactive() {
            return Err(anyhow::anyhow!("this must be confirmed, and there is no terminal to ask on"))
                .hint("say --yes if you are sure");
        }
        Ok(self.read(question).await?.trim().to_owned())
    }

    /// Asks for what nobody should see; `None` where there is no terminal to ask on.
    ///
    /// # Errors
    /// What can't be read.
    pub async fn ask_hidden(&self, question: &str) -> anyhow::Result<Option<String>> {
        if !self.is_interactive() {
            return Ok(None);
        }
        let _hidden = hidden::Hidden::begin().context("the terminal can't be kept from showing what is typed")?;
        self.read(question).await.map(Some)
    }

    async fn read(&self, question: &str) -> anyhow::Result<String> {
        self.settle();
        write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush()).context("can't ask on the terminal")?;
        read_line().await
    }
}

fn write_all(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes).and_then(|()| out.flush())
}

/// Reads a line in a thread that nobody waits for: the runtime would wait for one of its own even after Ctrl-C.
async fn read_line() -> anyhow::Result<String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("answer".to_string())
        .spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line).map(|_| line);
            sender.send(read).ok();
        })
        .context("can't read the answer")?;
    match receiver.await {
        Ok(line) => Ok(line.context("can't read the answer")?.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => bail!("can't read the answer: the reading thread died"),
    }
}

fn show_for(options: Options, terminals: &Terminals) -> Box<dyn Show> {
    let paint = Paint(terminals.colour(terminals.stderr));
    match options.progress.settled(terminals) {
        Progress::Auto | Progress::Tty => {
            Box::new(lanes::Lanes::new(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND), paint))
        }
        Progress::Plain => Box::new(progress::Plain::new(io::stderr(), paint, options.verbosity > 0)),
        Progress::Json => Box::new(json::Json(io::stderr())),
        Progress::Quiet => Box::new(progress::Quiet::new(io::stderr(), paint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_terminal(yes: bool) -> Ui {
        let options = Options { yes, progress: Progress::Quiet, ..Options::default() };
        let terminals = Terminals::default();
        Ui { options, terminals, screen: Screen::open(show_for(options, &terminals)).unwrap() }
    }

    #[tokio::test]
    async fn a_question_without_a_terminal_is_an_error_that_names_yes() {
        let ui = without_terminal(false);
        for asked in [ui.confirm("Carry out 3 steps?").await, ui.ask_name("products").await] {
            let shown = error::Report::of(&asked.unwrap_err()).text(Paint(false));
            assert!(shown.contains("no terminal") && shown.contains("Hint: say --yes"), "{shown}");
        }
    }

    #[tokio::test]
    async fn yes_answers_every_question() {
        let ui = without_terminal(true);
        assert!(ui.confirm("Carry out 3 steps?").await.unwrap());
        assert!(ui.ask_name("products").await.unwrap());
    }
}
