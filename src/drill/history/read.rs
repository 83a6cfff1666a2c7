//! Reads a history line by line, in bounded memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead};

use protocol::{Begin, Call, Counts, End, FaultRecord, FinalRead, Hash, Outcome, Rollback, Searched, Seen, When};
use serde::Deserialize;

use super::{Clock, Completion, History, Name, Operation, Sight, faults};

/// How far apart two looks at both clocks are when operations alone give them, in microseconds.
const CLOCK_STEP: u64 = 100_000;

/// Why a history can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is no record, and is not the last one.
    #[error("line {line}: {why}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Two operations have the same number, or one ended that nobody sent.
    #[error("operation {op} {why}")]
    Operation {
        /// Its number.
        op: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Reads a history. A last line that breaks off is left out, and makes the history count as cut.
///
/// # Errors
/// What is broken, and in which line.
pub fn read(mut lines: impl BufRead) -> Result<History, Broken> {
    let mut reader = Reader::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return reader.finish();
        }
        reader.number += 1;
        let is_whole = line.ends_with(b"\n");
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match reader.take(text) {
            Ok(()) => {}
            Err(_) if !is_whole => reader.history.cut = true,
            Err(why) => return Err(Broken::Line { line: reader.number, why }),
        }
    }
}

/// The fields of the lines of operations, which are nearly all. [`protocol::Record`] itself is for writing: reading it
/// costs four times as much, and it can't read maps with numbers for keys.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    what: Cow<'a, str>,
    op: Option<u64>,
    client: Option<u32>,
    us: Option<u64>,
    wall_ms: Option<i64>,
    call: Option<Call>,
    outcome: Option<Outcome>,
    value: Option<i64>,
    #[serde(borrow)]
    node: Option<Cow<'a, str>>,
    term: Option<i64>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    code: Option<i32>,
}

#[derive(Default)]
struct Reader {
    number: u64,
    history: History,
    /// Where operations are that have not ended.
    open: HashMap<u64, usize>,
    /// Ends that came before their calls.
    early: HashMap<u64, Completion>,
    faults: Vec<FaultRecord>,
    moments: Vec<(u64, i64)>,
    last_look: (u64, i64),
    begins: usize,
    ends: usize,
    /// How many operations ended in which way, as workloads counted when they ended.
    counted: Vec<Counts>,
}

impl Reader {
    fn take(&mut self, text: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let line: Line<'_> = parsed(text)?;
        match (&*line.what, line.op, line.us, line.wall_ms) {
            ("invoke", Some(op), Some(us), Some(wall_ms)) => self.invoke(&line, op, us, wall_ms),
            ("complete", Some(op), Some(us), Some(wall_ms)) => self.complete(&line, op, us, wall_ms),
            ("invoke" | "complete", ..) => Err("an operation needs `op`, `us` and `wall_ms`".to_owned()),
            (what, ..) => self.other(what, text),
        }
    }

    fn invoke(&mut self, line: &Line<'_>, op: u64, us: u64, wall_ms: i64) -> Result<(), String> {
        let (Some(client), Some(call)) = (line.client, line.call) else {
            return Err("an invoke needs `client` and `call`".to_owned());
        };
        self.moment(us, wall_ms, CLOCK_STEP);
        let ended = self.early.remove(&op);
        if ended.is_none() {
            self.open.insert(op, self.history.operations.len());
        }
        self.history.operations.push(Operation { op, client, call, invoked: us, ended });
        Ok(())
    }

    fn complete(&mut self, line: &Line<'_>, op: u64, us: u64, wall_ms: i64) -> Result<(), String> {
        let Some(outcome) = line.outcome else { return Err("a complete needs `outcome`".to_owned()) };
        self.moment(us, wall_ms, CLOCK_STEP);
        let ended = Completion {
            at: us,
            outcome,
            value: line.value,
            term: line.term,
            node: self.name(line.node.as_deref()),
            error: self.name(line.error.as_deref()),
            code: line.code,
        };
        match self.open.remove(&op) {
            Some(at) => self.history.operations[at].ended = Some(ended),
            None => drop(self.early.insert(op, ended)),
        }
        Ok(())
    }

    fn name(&mut self, text: Option<&str>) -> Option<Name> {
        text.map(|text| self.history.names.keep(text))
    }

    fn other(&mut self, what: &str, text: &str) -> Result<(), String> {
        match what {
            "begin" => self.begin(parsed(text)?),
            "seen" => self.seen(parsed(text)?),
            "fault" => {
                let fault: FaultRecord = parsed(text)?;
                self.look(fault.when);
                self.faults.push(fault);
            }
            "end" => {
                let end: End = parsed(text)?;
                self.look(end.when);
                self.ends += 1;
                self.counted.extend(end.counts);
            }
            // What was found afterwards is no part of the time line.
            "final" => self.history.read_back = Some(parsed::<FinalRead>(text)?),
            "hash" => self.history.hashes.push(parsed::<Hash>(text)?),
            "rollback" => self.history.rollbacks.push(parsed::<Rollback>(text)?),
            "searched" => _ = self.history.searched.insert(parsed::<Searched>(text)?.host),
            _ => return Err(format!("there is no record `{what}`")),
        }
        Ok(())
    }

    fn begin(&mut self, begin: Begin) {
        self.look(begin.when);
        self.begins += 1;
        self.history.begin.get_or_insert(begin);
    }

    fn seen(&mut self, seen: Seen) {
        self.look(seen.when);
        let host = self.history.names.keep(&seen.host);
        self.history.seen.push(Sight { at: seen.when.us, host, state: seen.state, term: seen.term });
    }

    fn look(&mut self, when: When) {
        self.moment(when.us, when.wall_ms, 0);
    }

    /// Gives faults whose moment nobody could tell the latest one of their round, else of the history.
    fn date_faults(&mut self) {
        let end = self.history.span.until;
        let latest = |round: u32, all: &[FaultRecord]| {
            all.iter().filter(|fault| fault.round == round).map(|fault| fault.when.us).max().filter(|us| *us > 0)
        };
        for at in 0..self.faults.len() {
            if self.faults[at].when.us == 0 {
                self.faults[at].when.us = latest(self.faults[at].round, &self.faults).unwrap_or(end);
            }
        }
    }

    /// Notes how both clocks stood, unless that was done less than a step ago and they agree as they did then.
    fn moment(&mut self, us: u64, wall_ms: i64, step: u64) {
        // Nobody could tell.
        if us == 0 {
            return;
        }
        let span = &mut self.history.span;
        span.from = if span.until == 0 { us } else { span.from.min(us) };
        span.until = span.until.max(us);
        let ahead_ms = wall_ms.saturating_sub(i64::try_from(us / 1_000).unwrap_or(i64::MAX));
        let (looked, was_ahead_ms) = self.last_look;
        if us.abs_diff(looked) >= step || Clock::is_jump(ahead_ms, was_ahead_ms) {
            self.last_look = (us, ahead_ms);
            self.moments.push((us, wall_ms));
        }
    }

    fn finish(mut self) -> Result<History, Broken> {
        if let Some(op) = self.early.keys().min().copied() {
            return Err(Broken::Operation { op, why: "ended, and nobody sent it" });
        }
        self.date_faults();
        let history = &mut self.history;
        history.ended = self.ends > 0 && self.ends >= self.begins;
        let all_counted = self.ends == self.counted.len();
        history.missing = history.ended.then(|| missing(&history.operations, &self.counted, all_counted)).flatten();
        history.faults = faults(self.faults);
        history.clock = Clock::of(self.moments);
        history.seen.sort_by_key(|sight| sight.at);
        history.operations.sort_by_key(|operation| operation.op);
        match history.operations.windows(2).find(|pair| pair[0].op == pair[1].op) {
            Some(pair) => Err(Broken::Operation { op: pair[0].op, why: "was sent twice under one number" }),
            None => Ok(self.history),
        }
    }
}

/// What a history lacks whose workload has ended as it was told: it waits for all of its operations, and counts them.
fn missing(operations: &[Operation], counted: &[Counts], all_counted: bool) -> Option<String> {
    let open = operations.iter().filter(|operation| operation.ended.is_none()).count();
    if open > 0 {
        return Some(format!("{open} operations have no end, though the workload waited for each"));
    }
    let count = |outcome: Outcome| operations.iter().filter(|operation| operation.outcome() == outcome).count() as u64;
    let here = [Outcome::Ok, Outcome::Fail, Outcome::Unknown].map(count);
    let sum = |of: fn(&Counts) -> u64| counted.iter().map(of).sum::<u64>();
    let told = [sum(|counts| counts.ok), sum(|counts| counts.fail), sum(|counts| counts.unknown)];
    (all_counted && here != told).then(|| {
        let shown = |[ok, fail, unknown]: [u64; 3]| format!("{ok} acknowledged, {fail} failed, {unknown} unknown");
        format!("it has {} operations, and the workload counted {}", shown(here), shown(told))
    })
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no record of a history: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::Story;

    fn read_text(text: &str) -> Result<History, Broken> {
        read(text.as_bytes())
    }

    /// What agents write is what the fast way reads.
    #[test]
    fn every_record_of_the_protocol_is_read() {
        let story = Story::new().insert_ok(1).insert_unknown(2).read(3, 1, Some(7)).swap_ok(4, 1, 7, 8);
        let story = story.primary(0, 1).kill(0, 1).healed(0).end().finds_registers(&[(1, 8)]).hash(0, Some("a"));
        let story = story.rolls_back(0, &[2], None);
        let text: String = story.records().iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
        let history = read_text(&text).unwrap();
        assert!(history.is_whole() && history.begin.is_some());
        assert_eq!((history.hashes.len(), history.rollbacks.len(), history.faults.len()), (1, 1, 1));
        assert_eq!((history.seen.len(), &history.read_back.as_ref().unwrap().registers[&1]), (1, &8));
        let outcomes: Vec<_> = history.operations.iter().map(|operation| operation.outcome()).collect();
        assert_eq!(outcomes, [Outcome::Ok, Outcome::Unknown, Outcome::Ok, Outcome::Ok]);
        let read = history.operation(3).unwrap().ended.unwrap();
        assert_eq!((read.value, history.names.text(read.node.unwrap())), (Some(7), "10.0.0.1:27017"));
    }

    const INVOKE: &str = r#"{"what":"invoke","op":1,"client":0,"us":10,"wall_ms":5,"call":"insert"}"#;
    const COMPLETE: &str = r#"{"what":"complete","op":1,"us":20,"wall_ms":5,"outcome":"ok"}"#;

    #[test]
    fn a_last_line_that_breaks_off_is_left_out() {
        let history = read_text(&format!("{INVOKE}\n{}", &COMPLETE[..40])).unwrap();
        assert!(history.cut && !history.is_whole());
        assert_eq!(history.operations[0].outcome(), Outcome::Unknown);
        // One that only lacks its line break is whole.
        assert!(!read_text(&format!("{INVOKE}\n{COMPLETE}")).unwrap().cut);
    }

    #[test]
    fn a_broken_line_elsewhere_is_named() {
        for broken in ["{\"what\":\"invo", "{\"what\":\"party\"}", "[]", &INVOKE.replace("\"client\":0,", "")] {
            let error = read_text(&format!("{INVOKE}\n{broken}\n{COMPLETE}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
        }
        assert!(read(&b"\xff\xff\n{}\n"[..]).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn an_end_may_stand_before_its_call_but_not_alone() {
        let history = read_text(&format!("{COMPLETE}\n{INVOKE}\n")).unwrap();
        assert_eq!(history.operations[0].acknowledged_at(), Some(20));
        assert_eq!((history.span.from, history.span.until), (10, 20));
        assert!(read_text(&format!("{COMPLETE}\n")).unwrap_err().to_string().contains("operation 1 ended"));
        let twice = read_text(&format!("{INVOKE}\n{COMPLETE}\n{INVOKE}\n")).unwrap_err();
        assert!(twice.to_string().contains("sent twice"));
    }

    #[test]
    fn a_failure_that_nobody_could_date_stands_at_the_end_of_its_round() {
        let story = Story::new().insert_ok(1).kill(0, 100).insert_ok(2).end();
        let fault = r#"{"what":"fault","us":0,"wall_ms":0,"round":0,"fault":"kill","targets":[],"phase":"failed","note":"no guest"}"#;
        let history = read_text(&format!("{}{fault}\n", story.text())).unwrap();
        assert_eq!(history.faults.len(), 1);
        let (at, why) = history.faults[0].failed.clone().unwrap();
        assert_eq!((Some(at), why.as_str()), (history.faults[0].injected, "no guest"));
        assert!(history.span.from >= 1_000_000_000 && history.clock.jumps() == 0);
    }

    /// The acknowledgement of a lost write taken out of a file made a pass of it once.
    #[test]
    fn a_history_that_has_its_end_and_lacks_something_is_not_whole() {
        let end = |counts: &str| format!("{{\"what\":\"end\",\"us\":30,\"wall_ms\":5{counts}}}");
        let whole = read_text(&format!("{INVOKE}\n{COMPLETE}\n{}\n", end(""))).unwrap();
        assert!(whole.is_whole());
        let edited = read_text(&format!("{INVOKE}\n{}\n", end(""))).unwrap();
        assert!(!edited.is_whole() && edited.missing.unwrap().contains("1 operations have no end"));
        // Both lines taken out, or the outcome changed: the workload has counted.
        let counts = ",\"counts\":{\"ok\":1,\"fail\":0,\"unknown\":0}";
        assert!(read_text(&format!("{INVOKE}\n{COMPLETE}\n{}\n", end(counts))).unwrap().is_whole());
        for lines in [String::new(), format!("{INVOKE}\n{}\n", COMPLETE.replace("\"ok\"", "\"fail\""))] {
            let edited = read_text(&format!("{lines}{}\n", end(counts))).unwrap();
            assert!(edited.missing.unwrap().contains("the workload counted 1 acknowledged"), "{lines}");
        }
        // Where it did not end as it was told, there is nothing to hold it against.
        assert_eq!(read_text(&format!("{INVOKE}\n")).unwrap().missing, None);
    }

    #[test]
    fn nothing_at_all_is_a_history_too() {
        let history = read_text("").unwrap();
        assert!(history.begin.is_none() && !history.cut && !history.ended && history.operations.is_empty());
    }
}
