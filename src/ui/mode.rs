//! What the user wants to see, and what the terminal can show.

use std::io::IsTerminal;

use clap::ValueEnum;

/// The form of data on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Tables and text, for a person.
    #[default]
    Table,
    /// JSON, for a program.
    Json,
}

/// The form of progress on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Progress {
    /// `tty` on a terminal, else `plain`.
    #[default]
    Auto,
    /// One live line for each container, set and network.
    Tty,
    /// One line for each finished step.
    Plain,
    /// One JSON object a line.
    Json,
    /// Nothing but warnings and errors.
    Quiet,
}

impl Progress {
    /// Decides what [`Progress::Auto`] means. Live lines need a terminal, even when they are asked for.
    pub(super) fn settled(self, terminals: &Terminals) -> Self {
        match self {
            Self::Auto | Self::Tty if terminals.stderr && !terminals.dumb => Self::Tty,
            Self::Auto | Self::Tty => Self::Plain,
            chosen => chosen,
        }
    }
}

/// What the global options say about input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The form of data.
    pub output: Output,
    /// The form of progress.
    pub progress: Progress,
    /// Whether every question is answered with yes.
    pub yes: bool,
    /// How often `-v` was given.
    pub verbosity: u8,
}

/// Which streams are terminals, and what the environment says about colour.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terminals {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    /// `TERM` is `dumb` or not set: no colour, no moving cursor.
    pub(super) dumb: bool,
    /// `NO_COLOR`, which wins over all else (no-color.org).
    pub(super) no_colour: bool,
    /// `CLICOLOR_FORCE`: colour even where there is no terminal.
    pub(super) force_colour: bool,
}

impl Terminals {
    /// Looks at this process.
    pub(super) fn of_process() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is = |name, wanted| std::env::var_os(name).is_some_and(|value| value == wanted);
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            dumb: !set("TERM") || is("TERM", "dumb"),
            no_colour: set("NO_COLOR"),
            force_colour: set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0"),
        }
    }

    /// Whether a stream that is a terminal or not gets colour.
    pub(super) fn colour(&self, is_terminal: bool) -> bool {
        !self.no_colour && (self.force_colour || (is_terminal && !self.dumb))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_lines_need_a_terminal() {
        let terminal = Terminals { stderr: true, ..Terminals::default() };
        assert_eq!(Progress::Auto.settled(&terminal), Progress::Tty);
        assert_eq!(Progress::Auto.settled(&Terminals { dumb: true, ..terminal }), Progress::Plain);
        assert_eq!(Progress::Auto.settled(&Terminals::default()), Progress::Plain);
        assert_eq!(Progress::Tty.settled(&Terminals::default()), Progress::Plain);
        assert_eq!(Progress::Json.settled(&terminal), Progress::Json);
    }

    #[test]
    fn no_color_wins_over_force_and_force_over_a_pipe() {
        let pipe = Terminals::default();
        assert!(!pipe.colour(false));
        assert!(pipe.colour(true));
        assert!(Terminals { force_colour: true, ..pipe }.colour(false));
        assert!(!Terminals { force_colour: true, no_colour: true, ..pipe }.colour(true));
        assert!(!Terminals { dumb: true, ..pipe }.colour(true));
    }
}
