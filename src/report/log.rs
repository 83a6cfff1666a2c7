//! Lines of logs: mongod's and the journal's in one shape.

use std::borrow::Cow;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

/// How late a thread may write its line: mongod's are milliseconds late, on a busy machine more.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// Ends all colours.
const RESET: &str = "\u{1b}[0m";

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Where it is from: `db1`, `db1/mongod-27017`.
    pub source: String,
    /// When it was written; `None` for what bears no time.
    pub time: Option<Timestamp>,
    /// How bad it is, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The part of a mongod, or the program that wrote to the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// What it says.
    pub message: String,
    /// What a mongod says besides.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

/// How bad a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For those who look for a mistake.
    Debug,
    /// For the record.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
    /// It can't go on.
    Fatal,
}

impl Severity {
    /// Its letter in mongod's logs.
    pub fn letter(self) -> char {
        match self {
            Self::Debug => 'D',
            Self::Info => 'I',
            Self::Warning => 'W',
            Self::Error => 'E',
            Self::Fatal => 'F',
        }
    }

    /// Reads mongod's `s`: `F`, `E`, `W`, `I`, `D1` to `D5`.
    fn of_mongod(text: &str) -> Option<Self> {
        let all = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Fatal];
        all.into_iter().find(|severity| text.starts_with(severity.letter()))
    }

    /// Reads the journal's `PRIORITY`, syslog's 0 (emergency) to 7 (debug).
    fn of_priority(text: &str) -> Option<Self> {
        Some(match text.parse().ok()? {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warning,
            5 | 6 => Self::Info,
            7_u8.. => Self::Debug,
        })
    }
}

impl Line {
    /// Makes a line of a text that no more is known of.
    pub fn plain(source: &str, text: &str) -> Self {
        Self {
            source: source.to_string(),
            time: None,
            severity: None,
            component: None,
            message: text.trim_end().to_string(),
            attributes: Map::new(),
        }
    }

    /// Reads a line of a mongod's log; one that is not its JSON is kept as it is.
    pub fn of_mongod(source: &str, text: &str) -> Self {
        let mut line = Self::plain(source, text);
        let Ok(Value::Object(mut fields)) = serde_json::from_str::<Value>(text) else { return line };
        let Some(message) = fields.get("msg").and_then(Value::as_str) else { return line };
        line.message = message.to_string();
        line.time = fields.get("t").and_then(|time| time["$date"].as_str()?.parse().ok());
        line.severity = fields.get("s").and_then(Value::as_str).and_then(Severity::of_mongod);
        line.component = fields.get("c").and_then(Value::as_str).map(str::to_string);
        if let Some(Value::Object(attributes)) = fields.remove("attr") {
            line.attributes = attributes;
        }
        line
    }

    /// Reads an entry of the journal as `journalctl -o json` writes it.
    pub fn of_journal(source: &str, text: &str) -> Self {
        let mut line = Self::plain(source, text);
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else { return line };
        let word = |name: &str| fields.get(name).and_then(Value::as_str);
        line.message = fields.get("MESSAGE").map(message).unwrap_or_default();
        line.time = word("__REALTIME_TIMESTAMP")
            .and_then(|micros| micros.parse().ok())
            .and_then(|micros| Timestamp::from_microsecond(micros).ok());
        line.severity = word("PRIORITY").and_then(Severity::of_priority);
        line.component = word("SYSLOG_IDENTIFIER").map(str::to_string);
        // Before a mongod has opened its log it writes the same lines to the journal.
        let own = Self::of_mongod(source, &line.message);
        if own.time.is_some() { own } else { line }
    }

    /// Whether the program coloured what it says.
    pub fn has_colours(&self) -> bool {
        colours(&self.message).next().is_some()
    }

    /// The same line without colours, for programs.
    pub fn without_colours(&self) -> Cow<'_, Self> {
        if !self.has_colours() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { message: plain(&self.message), ..self.clone() })
    }

    /// The line for a person, with its source in a column of `width` characters, and the program's own colours if they
    /// can be shown.
    pub fn text(&self, width: usize, with_colours: bool) -> String {
        let mut words = Vec::new();
        words.extend(self.time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()));
        words.extend(self.severity.map(|severity| severity.letter().to_string()));
        words.extend(self.component.iter().filter(|component| *component != "-").map(|component| visible(component)));
        words.push(if with_colours { with_own_colours(&self.message) } else { visible(&plain(&self.message)) });
        words.extend(self.attributes.iter().map(|(name, value)| visible(&format!("{name}={}", plain_value(value)))));
        let prefix = format!("{:width$} | ", self.source);
        let text = words.join(" ");
        prefix.clone() + &text.replace('\n', &format!("\n{prefix}"))
    }
}

/// The journal gives what is not UTF-8, or has control characters, as a list of bytes.
fn message(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim_end().to_string(),
        Value::Array(bytes) => {
            let bytes: Vec<u8> =
                bytes.iter().filter_map(Value::as_u64).filter_map(|byte| u8::try_from(byte).ok()).collect();
            String::from_utf8_lossy(&bytes).trim_end().to_string()
        }
        _ => String::new(),
    }
}

fn plain_value(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '\n']) => text.clone(),
        other => other.to_string(),
    }
}

/// The places of sequences that set colours and the like: `ESC [`, numbers and `;`, `m` (ECMA-48, SGR).
fn colours(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("\u{1b}[").filter_map(|(at, opening)| {
        let rest = &text[at + opening.len()..];
        let numbers = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        rest[numbers..].starts_with('m').then_some(at..at + opening.len() + numbers + 1)
    })
}

/// A text without colours.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut from = 0;
    for range in colours(text) {
        plain.push_str(&text[from..range.start]);
        from = range.end;
    }
    plain + &text[from..]
}

/// A text with its colours and nothing else that steers a terminal. Each of its lines ends as it began.
fn with_own_colours(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut from, mut set) = (0, String::new());
    for range in colours(text) {
        shown.push_str(&visible(&text[from..range.start]).replace('\n', &format!("{RESET}\n{set}")));
        from = range.end;
        let sequence = &text[range];
        set = if matches!(sequence, RESET | "\u{1b}[m") { String::new() } else { set + sequence };
        shown.push_str(sequence);
    }
    let end = if set.is_empty() { "" } else { RESET };
    shown + &visible(&text[from..]).replace('\n', &format!("{end}\n{set}")) + end
}

/// What a log says must not steer the terminal that shows it.
fn visible(text: &str) -> String {
    let escaped = |letter: char| match letter {
        '\n' | '\t' => letter.to_string(),
        _ if letter.is_control() => letter.escape_default().to_string(),
        _ => letter.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// Puts the lines of several logs in one order by time. A line without a time stays behind the one before it. One that is
/// a little older than what its log had before was written late by another thread, and goes where it belongs; where the
/// time goes back further, the clock was set back, and the log keeps its order.
pub fn merge(logs: Vec<Vec<Line>>) -> Vec<Line> {
    let mut dated: Vec<(Option<Timestamp>, Line)> = Vec::new();
    for log in logs {
        let (mut latest, mut place) = (None, None);
        for line in log {
            latest = latest.max(line.time);
            place = match (line.time, latest) {
                (None, _) => place,
                (Some(time), Some(latest)) if latest.duration_since(time) <= LATE => Some(time),
                _ => latest,
            };
            dated.push((place, line));
        }
    }
    dated.sort_by_key(|(place, _)| *place);
    dated.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONGOD: &str = r#"{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"s":"I",  "c":"NETWORK",  "id":22943,   "ctx":"listener","msg":"Connection accepted","attr":{"remote":"127.0.0.1:5","uuid":{"u":1},"note":"two words"}}"#;

    #[test]
    fn a_line_of_mongod_is_made_readable() {
        let line = Line::of_mongod("db1/mongod-27017", MONGOD);
        assert_eq!(
            line.text(18, false),
            "db1/mongod-27017   | 2026-01-02 03:04:05.678 I NETWORK Connection accepted note=\"two words\" \
             remote=127.0.0.1:5 uuid={\"u\":1}"
        );
    }

    #[test]
    fn a_line_is_json_for_programs() {
        let value = serde_json::to_value(Line::of_mongod("db1", MONGOD)).unwrap();
        assert_eq!(value["time"], "2026-01-02T03:04:05.678Z");
        assert_eq!((&value["severity"], &value["component"]), (&"info".into(), &"NETWORK".into()));
        assert_eq!(value["attributes"]["remote"], "127.0.0.1:5");
    }

    #[test]
    fn a_line_that_is_no_json_is_kept() {
        for text in ["about to fork child process", "{\"half\":", "{\"t\": 1}"] {
            assert_eq!(Line::of_mongod("db1", text).text(3, false), format!("db1 | {text}"));
        }
    }

    #[test]
    fn an_entry_of_the_journal_is_read() {
        let text = r#"{"__REALTIME_TIMESTAMP":"1767323045678901","PRIORITY":"3","SYSLOG_IDENTIFIER":"systemd","MESSAGE":"it failed\nbadly"}"#;
        let line = Line::of_journal("db1", text);
        assert_eq!(line.severity, Some(Severity::Error));
        assert_eq!(line.text(3, false), "db1 | 2026-01-02 03:04:05.678 E systemd it failed\ndb1 | badly");
    }

    #[test]
    fn what_a_mongod_writes_to_the_journal_is_made_readable_too() {
        let entry =
            serde_json::json!({ "__REALTIME_TIMESTAMP": "1", "MESSAGE": MONGOD, "SYSLOG_IDENTIFIER": "mongod" });
        assert_eq!(Line::of_journal("db1", &entry.to_string()), Line::of_mongod("db1", MONGOD));
    }

    #[test]
    fn bytes_of_the_journal_are_text_and_steer_no_terminal() {
        let line = Line::of_journal("db1", r#"{"MESSAGE":[27,91,50,74,104,105,255]}"#);
        assert_eq!(line.text(3, false), "db1 | \\u{1b}[2Jhi\u{fffd}");
    }

    #[test]
    fn colours_are_shown_where_they_can_be_and_left_out_elsewhere() {
        let line = Line::plain("db1", "\u{1b}[1;31merror\u{1b}[0m: \u{1b}[2Jit \u{1b}[33mfailed\nbadly");
        assert_eq!(line.text(3, false), "db1 | error: \\u{1b}[2Jit failed\ndb1 | badly");
        let shown = line.text(3, true);
        assert_eq!(
            shown,
            "db1 | \u{1b}[1;31merror\u{1b}[0m: \\u{1b}[2Jit \u{1b}[33mfailed\u{1b}[0m\ndb1 | \u{1b}[33mbadly\u{1b}[0m"
        );
        assert_eq!(
            serde_json::to_value(&*line.without_colours()).unwrap()["message"],
            "error: \u{1b}[2Jit failed\nbadly"
        );
    }

    #[test]
    fn logs_are_merged_by_time_and_keep_their_own_order() {
        let line = |source: &str, text: &str, second: Option<i64>| Line {
            time: second.map(|second| Timestamp::from_second(second).unwrap()),
            ..Line::plain(source, text)
        };
        let one = vec![line("a", "1", Some(10)), line("a", "2", None), line("a", "3", Some(30))];
        // A clock that was set back: the later line stays the later one.
        let two = vec![line("b", "1", Some(20)), line("b", "2", Some(15))];
        let merged: Vec<_> =
            merge(vec![one, two]).into_iter().map(|line| line.source.clone() + &line.message).collect();
        assert_eq!(merged, ["a1", "a2", "b1", "b2", "a3"]);
    }

    #[test]
    fn a_line_that_a_thread_wrote_late_goes_where_it_belongs() {
        let line = |text: &str, ms: Option<i64>| Line {
            time: ms.map(|ms| Timestamp::from_millisecond(ms).unwrap()),
            ..Line::plain("a", text)
        };
        let log = vec![line("1", Some(430)), line("3", Some(437)), line("2", Some(435)), line("of 2", None)];
        let merged: Vec<_> = merge(vec![log]).into_iter().map(|line| line.message).collect();
        assert_eq!(merged, ["1", "2", "of 2", "3"]);
    }
}
