//! Running the agent as distctl does.

use std::io::Write;
use std::process::{Command, Stdio};

use protocol::{Failure, InspectRequest, Inspection, Line, Reply, Request};

/// All that one call answered.
#[derive(Debug)]
pub struct Answer {
    pub progress: Vec<String>,
    pub parts: Vec<String>,
    pub outcome: Result<Reply, Failure>,
}

pub fn agent() -> Command {
    Command::new(env!("CARGO_BIN_EXE_distctl-agent"))
}

/// Sends any text, as a faulty caller might.
pub fn call_with(text: &[u8]) -> Answer {
    let mut child = agent().arg("call").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcome = match lines.pop().expect("the agent must answer") {
        Line::Done(reply) => Ok(reply),
        Line::Failed(failure) => Err(failure),
        other => panic!("the last line must not be {other:?}"),
    };
    assert_eq!(output.status.code(), Some(i32::from(outcome.is_err())), "the exit code goes with the last line");
    let mut answer = Answer { progress: Vec::new(), parts: Vec::new(), outcome };
    for line in lines {
        match line {
            Line::Progress(text) => answer.progress.push(text),
            Line::Part(text) => answer.parts.push(text),
            other => panic!("only the last line may be {other:?}"),
        }
    }
    answer
}

pub fn call(request: Request) -> Answer {
    call_with(&serde_json::to_vec(&request).unwrap())
}

/// Calls and insists on success.
pub fn done(request: Request) -> Vec<String> {
    let answer = call(request);
    assert_eq!(answer.outcome, Ok(Reply::Ok));
    answer.progress
}

/// Calls and insists on failure.
pub fn failed(request: Request) -> Failure {
    call(request).outcome.expect_err("must fail")
}

pub fn inspect(request: InspectRequest) -> Inspection {
    match call(Request::Inspect(request)).outcome.unwrap() {
        Reply::Inspection(inspection) => *inspection,
        other => panic!("an inspection must be answered with one, not {other:?}"),
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let failure = call_with(b"{\"verb\":\"explode\",\"with\":{}}").outcome.unwrap_err();
    assert!(failure.cause.contains("does not understand the request"), "{failure}");
    assert!(call_with(b"").outcome.is_err());
}

#[test]
fn a_guest_is_looked_at() {
    let seen = inspect(InspectRequest { paths: vec!["/etc/passwd".into(), "/nowhere".into()], ..Default::default() });
    assert_eq!(seen.protocol, protocol::VERSION);
    assert_eq!(seen.paths.keys().collect::<Vec<_>>(), ["/etc/passwd"]);
    assert!(seen.disk_total >= seen.disk_free && seen.disk_total > 0);
    assert!(!seen.addresses.contains_key("lo"));
}
