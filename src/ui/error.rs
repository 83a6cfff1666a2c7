//! The one place where errors are shown, and what they make of the exit code.

use serde::Serialize;

use super::hint::Advised;
use super::paint::{Paint, Tone};
use crate::topology::Findings;

/// How a command ends; see `docs/commands.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is done, or there was nothing to do: 0.
    Ok,
    /// Something failed: 1.
    Failed,
    /// There are changes to make (`plan --exit-code`): 2. clap ends with the same code after wrong usage.
    Pending,
    /// The system is degraded, or a part of it can't be seen: 3.
    Degraded,
    /// The user stopped it: 130, as a shell has it for SIGINT.
    Interrupted,
    /// A command in a guest ended, and this one ends with the same code (`exec`, `shell`).
    Foreign(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::Degraded => 3,
            Self::Interrupted => 130,
            Self::Foreign(code) => code,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The user stopped the command before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Whoever read standard output has closed it, as `head` does. It is not shown and is no failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("standard output was closed")]
pub struct OutputClosed;

/// Tells the exit code of an error.
pub(super) fn exit_of(error: &anyhow::Error) -> Exit {
    if error.chain().any(|link| link.is::<OutputClosed>()) {
        Exit::Ok
    } else if error.chain().any(|link| link.is::<Interrupted>()) {
        Exit::Interrupted
    } else {
        Exit::Failed
    }
}

/// Finds what is wrong with a topology file, which is shown in full before the error.
pub(super) fn findings_of(error: &anyhow::Error) -> Option<&Findings> {
    error.chain().find_map(|link| link.downcast_ref())
}

/// All that is shown of an error.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    error: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl Report {
    /// Collects texts, logs and hints along the chain of an error.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let mut report = Self { error: String::new(), causes: Vec::new(), log: Vec::new(), hints: Vec::new() };
        let mut texts: Vec<String> = Vec::new();
        for link in error.chain() {
            if let Some(advised) = link.downcast_ref::<Advised>() {
                report.hint(&advised.hint);
                continue;
            }
            if let Some(failure) = link.downcast_ref::<protocol::Failure>() {
                report.log.extend(failure.log.iter().cloned());
                failure.hint.iter().for_each(|hint| report.hint(hint));
            }
            let text = match link.downcast_ref::<Findings>() {
                Some(findings) => format!("{} can't be used: it has {}", findings.file.display(), count(findings)),
                None => link.to_string(),
            };
            // Some libraries put the text of their source at the end of their own.
            if !text.is_empty() && !texts.last().is_some_and(|last| last.ends_with(&text)) {
                texts.push(text);
            }
        }
        let mut texts = texts.into_iter();
        report.error = texts.next().unwrap_or_default();
        report.causes = texts.collect();
        report
    }

    fn hint(&mut self, hint: &str) {
        if !self.hints.iter().any(|known| known == hint) {
            self.hints.push(hint.to_string());
        }
    }

    /// The report as lines, the last without its line break.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut lines = vec![labelled(&paint.tone(Tone::Bad, "Error:"), &self.error)];
        lines.extend(self.causes.iter().map(|cause| labelled("Caused by:", cause)));
        if !self.log.is_empty() {
            lines.push("Its log ends with:".to_string());
            lines.extend(self.log.iter().map(|line| paint.tone(Tone::Faint, &format!("    {line}"))));
        }
        lines.extend(self.hints.iter().map(|hint| labelled(&paint.tone(Tone::Good, "Hint:"), hint)));
        lines.join("\n")
    }
}

/// Counts what is wrong: `2 errors and 1 warning`.
pub(super) fn count(findings: &Findings) -> String {
    let counted = |number, word| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    match (findings.errors(), findings.warnings()) {
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

/// Puts a text behind its label; further lines are indented below.
fn labelled(label: &str, text: &str) -> String {
    format!("{label} {}", text.trim_end().replace('\n', "\n    "))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::super::hint::Advise;
    use super::*;

    fn shown(error: &anyhow::Error) -> String {
        Report::of(error).text(Paint(false))
    }

    fn guest_failure() -> protocol::Failure {
        protocol::Failure {
            object: "mongod-27017.service".to_string(),
            cause: "it ended with exit code 14".to_string(),
            log: vec!["wiredtiger: permission denied".to_string(), "shutting down".to_string()],
            hint: Some("see `distctl logs db1`".to_string()),
        }
    }

    #[test]
    fn causes_follow_the_error_and_hints_come_last() {
        let error = anyhow::anyhow!("connection refused")
            .hint("start the daemon")
            .context("can't reach Incus at /run/incus/unix.socket")
            .hint("is INCUS_DIR right?");
        insta::assert_snapshot!(shown(&error), @r"
        Error: can't reach Incus at /run/incus/unix.socket
        Caused by: connection refused
        Hint: is INCUS_DIR right?
        Hint: start the daemon
        ");
    }

    #[test]
    fn a_failure_in_a_guest_shows_its_log_and_its_hint() {
        let error = anyhow::Error::new(guest_failure()).context("wait for mongod 27017 in db1");
        insta::assert_snapshot!(shown(&error), @r"
        Error: wait for mongod 27017 in db1
        Caused by: mongod-27017.service: it ended with exit code 14
        Its log ends with:
            wiredtiger: permission denied
            shutting down
        Hint: see `distctl logs db1`
        ");
    }

    #[test]
    fn a_hint_keeps_the_type_of_the_error_below_it() {
        let error = anyhow::Error::new(guest_failure()).hint("see `distctl logs db1`").context("up");
        assert!(error.chain().any(|link| link.is::<protocol::Failure>()));
        assert_eq!(Report::of(&error).hints, ["see `distctl logs db1`"]);
    }

    #[test]
    fn a_failure_that_names_its_container_tells_its_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{container}: {failure}")]
        struct InContainer {
            container: &'static str,
            #[source]
            failure: protocol::Failure,
        }
        let failure = protocol::Failure { log: Vec::new(), hint: None, ..guest_failure() };
        let error = anyhow::Error::new(InContainer { container: "db1", failure });
        insta::assert_snapshot!(shown(&error), @"Error: db1: mongod-27017.service: it ended with exit code 14");
    }

    #[test]
    fn findings_are_counted_in_the_error() {
        let findings = crate::topology::parse("name: 5\n", std::path::Path::new("topology.yaml")).unwrap_err();
        let errors = findings.errors();
        let error = anyhow::Error::new(findings).context("nothing was changed");
        assert_eq!(findings_of(&error).map(Findings::errors), Some(errors));
        assert!(shown(&error).contains(&format!("topology.yaml can't be used: it has {errors} errors")));
    }

    #[test]
    fn a_cause_that_the_error_already_told_is_left_out() {
        let error = anyhow::anyhow!("no space left").context("write /etc/hosts: no space left");
        insta::assert_snapshot!(shown(&error), @"Error: write /etc/hosts: no space left");
    }

    #[test]
    fn further_lines_of_an_error_are_indented() {
        let error = anyhow::anyhow!("two things:\n- one\n- two\n");
        insta::assert_snapshot!(shown(&error), @r"
        Error: two things:
            - one
            - two
        ");
    }

    #[test]
    fn the_exit_code_knows_what_is_no_failure() {
        let failed: anyhow::Result<()> = Err(Interrupted).context("up");
        assert_eq!(failed.map_err(|error| exit_of(&error)), Err(Exit::Interrupted));
        assert_eq!(exit_of(&OutputClosed.into()), Exit::Ok);
        assert_eq!(exit_of(&anyhow::anyhow!("no")), Exit::Failed);
    }
}
