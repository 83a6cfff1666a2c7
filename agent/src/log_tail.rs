//! The end of a log, readable.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

use crate::mask::Mask;

/// How many lines explain a failure.
const LINES: usize = 20;

/// How far back the end of a log is read.
const BYTES: u64 = 128 << 10;

/// The last lines of a log file, oldest first. Of mongod's JSON lines those about errors are shown, if there are any
/// since its last start, else the last ones.
pub fn of_file(path: &Path) -> Vec<String> {
    let text = end_of(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    // "Process info" or "***** SERVER RESTARTED *****" begins a run; what is before explains another failure.
    let start = lines.iter().rposition(|line| line.contains("***** SERVER RESTARTED *****")).unwrap_or(0);
    let lines: Vec<Readable> = lines[start..].iter().map(|line| readable(line)).collect();
    let errors: Vec<String> = lines.iter().filter(|line| line.is_error).map(|line| line.text.clone()).collect();
    let chosen = if errors.is_empty() { lines.into_iter().map(|line| line.text).collect() } else { errors };
    Mask::of_guest().lines(last(chosen))
}

/// The last lines that systemd's journal has of a unit, oldest first: of the run of this id, if it has any of that.
pub async fn of_unit(unit: &str, invocation: &str) -> Vec<String> {
    if !invocation.is_empty() {
        let (said, about) = (format!("_SYSTEMD_INVOCATION_ID={invocation}"), format!("INVOCATION_ID={invocation}"));
        let lines = journal(&[&said, "+", &about]).await;
        if !lines.is_empty() {
            return lines;
        }
    }
    journal(&["--unit", unit]).await
}

async fn journal(matches: &[&str]) -> Vec<String> {
    let arguments = [&["--lines", "20", "--output", "cat", "--no-pager", "--quiet"], matches].concat();
    match crate::run::run("journalctl", &arguments).await {
        Ok(ran) => Mask::of_guest().lines(last(ran.out.lines().map(|line| readable(line).text).collect())),
        Err(_) => Vec::new(),
    }
}

fn last(mut lines: Vec<String>) -> Vec<String> {
    lines.split_off(lines.len().saturating_sub(LINES))
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // Begun in the middle, the first line is a part of one.
    Ok(if from == 0 { text } else { text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()) })
}

struct Readable {
    text: String,
    is_error: bool,
}

/// `{"t":..,"s":"E","c":"CONTROL","msg":"m","attr":{"error":"e"}}` becomes `E CONTROL m: error=e`.
fn readable(line: &str) -> Readable {
    let plain = || Readable { text: line.to_owned(), is_error: false };
    let Ok(Value::Object(entry)) = serde_json::from_str::<Value>(line) else {
        return plain();
    };
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let (Some(severity), Some(message)) = (text("s"), text("msg")) else {
        return plain();
    };
    let mut shown = format!("{severity} {} {message}", text("c").unwrap_or("-"));
    for (number, (name, value)) in entry.get("attr").and_then(Value::as_object).into_iter().flatten().enumerate() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        shown.push_str(if number == 0 { ": " } else { ", " });
        shown.push_str(&format!("{name}={value}"));
    }
    Readable { text: shown, is_error: matches!(severity, "E" | "F") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_last_run_are_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mongod.log");
        let old = r#"{"s":"E","c":"STORAGE","msg":"of an earlier run"}"#;
        let restarted = r#"{"s":"I","c":"CONTROL","msg":"***** SERVER RESTARTED *****"}"#;
        let info = r#"{"s":"I","c":"NETWORK","msg":"Listening"}"#;
        let error = r#"{"s":"E","c":"CONTROL","msg":"Failed to set up listener","attr":{"error":{"code":9001}}}"#;
        std::fs::write(&path, [old, restarted, info, error, info].join("\n")).unwrap();
        assert_eq!(of_file(&path), [r#"E CONTROL Failed to set up listener: error={"code":9001}"#]);
    }

    #[test]
    fn without_errors_the_last_lines_are_shown_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let shown = of_file(&path);
        assert_eq!(shown.len(), LINES);
        assert_eq!(shown.last().unwrap(), "line 19999");
        assert!(of_file(&folder.path().join("absent")).is_empty());
    }
}
