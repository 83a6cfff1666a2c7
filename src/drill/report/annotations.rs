//! The report as lines that GitHub shows beside a change.

use super::Report;
use crate::drill::checker::Verdict;

/// Writes an `::error` for all that is shown to be wrong, and a `::warning` for what can't be told.
pub fn annotations(report: &Report) -> String {
    let mut text = String::new();
    for objective in &report.objectives {
        let why = objective.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!("{} asked, {} measured{why}", objective.wanted, objective.measured);
        text += &line(report, objective.verdict, &objective.name, &message);
    }
    for check in &report.checks {
        text += &line(report, check.verdict, &check.name, &check.reasons().collect::<Vec<_>>().join("\n"));
    }
    if text.is_empty() {
        let passed = report.faults.len();
        text = format!("::notice title={}::pass: {passed} faults\n", property(&title(report, "failover-test")));
    }
    text
}

fn line(report: &Report, verdict: Verdict, name: &str, message: &str) -> String {
    let command = match verdict {
        Verdict::Pass => return String::new(),
        Verdict::Unknown => "warning",
        Verdict::Fail => "error",
    };
    format!("::{command} title={}::{}\n", property(&title(report, name)), data(message))
}

fn title(report: &Report, name: &str) -> String {
    format!("{} of {}", name, report.run.object)
}

/// Escapes a message as GitHub's runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property, which ends with a comma or colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_holds_ends_no_command() {
        assert_eq!(property("a:b,c\nd%"), "a%3Ab%2Cc%0Ad%25");
        assert_eq!(data("at 10.0.0.1:27017, 100 %\nnext"), "at 10.0.0.1:27017, 100 %25%0Anext");
    }
}
