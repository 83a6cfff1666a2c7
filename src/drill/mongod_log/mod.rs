//! What mongods themselves wrote of elections. Their texts are those of MongoDB 6.0; the wall clock dates them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What the log of one member says, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MongodLog {
    /// The events.
    pub events: Vec<Event>,
}

/// The logs of members by `address:port`.
pub type Logs = BTreeMap<String, MongodLog>;

/// Something that a member wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds since 1970 by the member's own clock.
    pub wall_ms: i64,
    /// What.
    pub kind: EventKind,
}

/// What a member wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It was asked to become primary.
    StepUpRequest,
    /// It starts an election; the reason in its words.
    Candidate(String),
    /// It was elected for a term.
    Elected(Option<i64>),
    /// It takes writes.
    TakesWrites,
}

/// What a line must have to be looked at: nearly none has.
const NEEDLES: [&str; 4] = [STEP_UP, CANDIDATE, ELECTED, TAKES_WRITES];

const STEP_UP: &str = "Received replSetStepUp request";
const CANDIDATE: &str = "Starting an election";
const ELECTED: &str = "Election succeeded";
const TAKES_WRITES: &str = "Transition to primary complete";

#[derive(Deserialize)]
struct Line {
    t: Date,
    msg: String,
    #[serde(default)]
    attr: Value,
}

#[derive(Deserialize)]
struct Date {
    #[serde(rename = "$date")]
    date: Timestamp,
}

impl MongodLog {
    /// Looks at the next line. What is no JSON, or of something else, is passed over.
    pub fn take(&mut self, line: &str) {
        if !NEEDLES.iter().any(|needle| line.contains(needle)) {
            return;
        }
        let Ok(line) = serde_json::from_str::<Line>(line) else { return };
        let kind = match line.msg.as_str() {
            text if text.starts_with(STEP_UP) => EventKind::StepUpRequest,
            text if text.starts_with(CANDIDATE) => EventKind::Candidate(reason(text)),
            text if text.starts_with(ELECTED) => EventKind::Elected(line.attr["term"].as_i64()),
            text if text.starts_with(TAKES_WRITES) => EventKind::TakesWrites,
            _ => return,
        };
        self.events.push(Event { wall_ms: line.t.date.as_millisecond(), kind });
    }

    /// Reads a whole text.
    pub fn of(text: &str) -> Self {
        let mut log = Self::default();
        text.lines().for_each(|line| log.take(line));
        log
    }
}

/// Why an election was started: `Starting an election due to step up request` is `step up request`.
fn reason(text: &str) -> String {
    let rest = text.trim_start_matches(CANDIDATE).trim_start_matches([',', ' ']);
    let words = ["since we've seen ", "due to ", "for a ", "for "];
    words.iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest).to_owned()
}

#[cfg(test)]
pub(in crate::drill) mod tests {
    use super::*;

    /// Three members of a set of mongod 6.0.5 with an election timeout of 2 s: a start, `kill -9` of 37117 at
    /// 13:55:19.642, `SIGTERM` of 37119 at 13:55:30.677 with a handover, a step up of 37118.
    pub fn three_members() -> Logs {
        let texts = [
            ("127.0.0.1:37117", include_str!("127.0.0.1-37117.log")),
            ("127.0.0.1:37118", include_str!("127.0.0.1-37118.log")),
            ("127.0.0.1:37119", include_str!("127.0.0.1-37119.log")),
        ];
        texts.into_iter().map(|(host, text)| (host.to_owned(), MongodLog::of(text))).collect()
    }

    #[test]
    fn elections_of_a_real_mongod_are_found() {
        let logs = three_members();
        let shown: Vec<String> = logs["127.0.0.1:37119"]
            .events
            .iter()
            .map(|event| format!("{} {:?}", event.wall_ms % 1_000_000, event.kind))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        521741 Candidate("no PRIMARY in election timeout period")
        521743 Elected(Some(2))
        521747 TakesWrites
        "#);
        let asked = &logs["127.0.0.1:37117"].events;
        assert!(asked.iter().any(|event| event.kind == EventKind::StepUpRequest), "{asked:?}");
        assert!(asked.iter().any(|event| event.kind == EventKind::Candidate("step up request".to_owned())));
    }

    #[test]
    fn what_only_speaks_of_elections_is_passed_over() {
        let other =
            r#"{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"msg":"Slow query","attr":{"q":"Election succeeded"}}"#;
        for text in [other, "Election succeeded", "{\"msg\":\"Election succeeded\"", ""] {
            assert_eq!(MongodLog::of(text), MongodLog::default(), "{text}");
        }
    }
}
