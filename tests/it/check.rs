//! `distctl check` on folders as `failover-test` keeps them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A history that a test writes line by line; an operation takes 5 ms, and another follows after 5 ms.
struct Kept {
    lines: String,
    us: u64,
    wall_ms: i64,
}

impl Kept {
    fn new() -> Self {
        let mut kept = Self { lines: String::new(), us: 500_000_000, wall_ms: 1_790_000_000_000 };
        kept.line(json!({
            "what": "begin", "run": "r", "object": "rsA", "hosts": ["10.0.0.1:27017"], "workload": "inserts",
            "write_concern": "majority", "read_concern": "majority", "read_preference": "primary",
            "retry_writes": false, "clients": 1, "rate": 100, "container": "web", "boot": "b",
        }));
        kept.line(json!({ "what": "seen", "host": "10.0.0.1:27017", "state": "primary", "term": 1 }));
        kept
    }

    fn line(&mut self, mut record: Value) {
        record["us"] = self.us.into();
        record["wall_ms"] = self.wall_ms.into();
        writeln!(self.lines, "{record}").unwrap();
    }

    fn wait_ms(&mut self, millis: u64) {
        self.us += millis * 1_000;
        self.wall_ms += i64::try_from(millis).unwrap();
    }

    fn inserts(&mut self, ops: std::ops::RangeInclusive<u64>) {
        for op in ops {
            self.wait_ms(5);
            self.line(json!({ "what": "invoke", "op": op, "client": 0, "call": "insert" }));
            self.wait_ms(5);
            self.line(json!({ "what": "complete", "op": op, "outcome": "ok", "node": "10.0.0.1:27017", "term": 1 }));
        }
    }

    fn fault(&mut self, phase: &str) {
        let targets = ["10.0.0.1:27017"];
        self.line(json!({ "what": "fault", "round": 0, "fault": "kill", "targets": targets, "phase": phase }));
    }

    /// Hundred writes with a kill in their midst that stops them for 900 ms; then all is read back.
    fn kill() -> Self {
        let mut kept = Self::new();
        kept.inserts(1..=50);
        kept.fault("injecting");
        kept.fault("injected");
        kept.wait_ms(890);
        kept.inserts(51..=90);
        kept.fault("healing");
        kept.fault("healed");
        kept.fault("healthy");
        kept.inserts(91..=100);
        kept
    }

    fn end(mut self, found: &[(u64, u64)]) -> String {
        self.line(json!({ "what": "end" }));
        self.line(json!({ "what": "final", "host": "10.0.0.1:27017", "found": found, "registers": { "3": 4 } }));
        self.line(json!({ "what": "hash", "host": "10.0.0.1:27017", "databases": { "drill": "a" } }));
        self.line(json!({ "what": "searched", "host": "10.0.0.1:27017" }));
        self.lines
    }
}

/// A folder of a run with this history.
fn folder(history: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    keep(folder.path(), "w:majority", history);
    folder
}

fn keep(path: &Path, label: &str, history: &str) {
    std::fs::create_dir_all(path).unwrap();
    let run = json!({
        "format": 1, "distctl": "0.1.0", "name": "rsA-17", "topology": "products", "object": "rsA", "label": label,
        "options": ["failover-test", "rsA"], "seed": 17,
        "schedule": [{ "round": 0, "fault": "kill", "target": "primary", "hold_ms": 1000 }],
        "objectives": { "max_write_gap_ms": 1000, "lost_writes": 0 },
    });
    std::fs::write(path.join("run.json"), run.to_string()).unwrap();
    std::fs::write(path.join("history.jsonl"), history).unwrap();
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn check(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = assert_cmd::Command::cargo_bin("distctl").unwrap();
    // No daemon is asked, and no topology is needed.
    command.current_dir("/").env("INCUS_SOCKET", "/nowhere").env("NO_COLOR", "1").env("COLUMNS", "200");
    let output = command.arg("check").arg(folder).args(arguments).output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let ran = check(folder, &[&["--output", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr))
}

#[test]
fn a_good_run_passes() {
    let folder = folder(&Kept::kill().end(&[(1, 100)]));
    let ran = check(folder.path(), &[]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    for words in ["rsA-17: pass", "max_write_gap", "900 ms", "kill", "every acknowledged write is there"] {
        assert!(ran.stdout.contains(words), "no {words} in\n{}", ran.stdout);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is written unless asked");
}

#[test]
fn a_lost_write_fails_and_is_named() {
    let folder = folder(&Kept::kill().end(&[(1, 41), (43, 100)]));
    let ran = check(folder.path(), &["--ci"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 acknowledged insert lost: 42"), "{}", ran.stdout);
    assert!(ran.stderr.contains("::error title=lost_writes of rsA::at most 0 asked, 1 measured\n"), "{}", ran.stderr);
    let lost = &report(folder.path(), &[])["lost"][0];
    assert_eq!((&lost["ops"], &lost["term"], &lost["is_rolled_back"]), (&json!([42]), &json!(1), &json!(false)));
    assert_eq!(check(folder.path(), &["--lost-writes", "1"]).code, Some(0), "one was allowed");
}

#[test]
fn what_the_command_line_asks_goes_before_the_run() {
    let folder = folder(&Kept::kill().end(&[(1, 100)]));
    assert_eq!(check(folder.path(), &["--max-write-gap", "500ms"]).code, Some(1));
    assert_eq!(check(folder.path(), &["--max-write-gap", "5"]).code, Some(2), "a time without a unit");
    let unknown = check(folder.path(), &["--max-read-gap", "1s"]);
    assert_eq!(unknown.code, Some(3), "nobody read: {}", unknown.stdout);
}

#[test]
fn what_cannot_be_told_is_unknown() {
    let mut died = Kept::kill();
    died.line(json!({ "what": "final", "host": "10.0.0.1:27017", "found": [[1, 100]] }));
    let histories = [
        ("the workload died", died.lines),
        ("a final read that failed", {
            let mut kept = Kept::kill();
            kept.line(json!({ "what": "end" }));
            kept.line(json!({ "what": "final", "host": "", "error": "no primary within 30 s" }));
            kept.lines
        }),
        (
            "a member that is silent",
            Kept::kill().end(&[(1, 100)]).replace("\"databases\"", "\"error\":\"refused\",\"x\""),
        ),
        ("nothing at all", String::new()),
    ];
    for (what, history) in histories {
        let ran = check(folder(&history).path(), &["--ci"]);
        assert_eq!(ran.code, Some(3), "{what}: {}\n{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("::warning ") && !ran.stderr.contains("::error"), "{what}: {}", ran.stderr);
    }
}

#[test]
fn a_history_that_breaks_off_is_judged_as_far_as_it_goes() {
    let whole = Kept::kill().end(&[(1, 41), (43, 100)]);
    let cut = whole.clone() + "{\"what\":\"rollb";
    let report = report(folder(&cut).path(), &[]);
    assert_eq!(report["verdict"], "fail", "what is lost is lost");
    assert!(report["checks"][0]["notes"].to_string().contains("breaks off within a line"));
    let good = Kept::kill().end(&[(1, 100)]) + "{\"what\":";
    assert_eq!(check(folder(&good).path(), &[]).code, Some(3));
}

#[test]
fn a_clock_that_jumps_changes_no_duration() {
    let gap = |jump: i64| {
        let mut kept = Kept::new();
        kept.inserts(1..=20);
        kept.fault("injecting");
        kept.fault("injected");
        kept.wait_ms(300);
        kept.wall_ms += jump;
        kept.inserts(21..=40);
        kept.fault("healed");
        kept.fault("healthy");
        kept.inserts(41..=50);
        let report = report(folder(&kept.end(&[(1, 50)])).path(), &[]);
        assert_eq!(report["verdict"], "pass", "{report}");
        report["faults"][0]["write_gap"].clone()
    };
    assert_eq!(gap(0)["ms"], 310);
    assert_eq!((gap(86_400_000), gap(-86_400_000)), (gap(0), gap(0)));
}

#[test]
fn a_folder_without_a_run_says_so() {
    let empty = TempDir::new().unwrap();
    let ran = check(empty.path(), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("holds no run") && ran.stderr.contains("Hint: "), "{}", ran.stderr);
    let nowhere = check(&empty.path().join("nowhere"), &[]);
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("nowhere") && nowhere.stderr.contains("No such file"), "{}", nowhere.stderr);
    assert_eq!(check(empty.path(), &["--lost-writes", "many"]).code, Some(2));
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    let folder = folder(&Kept::kill().end(&[(1, 100)]).replacen("\"op\":2,", "\"op\":two,", 1));
    let ran = check(folder.path(), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "what can't be read is not shown to be wrong");
    let line = format!("{}:5: ", folder.path().join("history.jsonl").display());
    assert!(ran.stderr.contains(&line), "no {line} in {}", ran.stderr);
    std::fs::write(folder.path().join("run.json"), "{\n  \"format\": 1,\n  oops\n}").unwrap();
    assert!(check(folder.path(), &[]).stderr.contains("run.json:3: "));
    std::fs::write(
        folder.path().join("run.json"),
        r#"{"format":99,"distctl":"9.0.0","name":"a","topology":"b","object":"c"}"#,
    )
    .unwrap();
    assert!(check(folder.path(), &[]).stderr.contains("written by distctl 9.0.0, in format 99"));
}

#[test]
fn the_logs_of_mongods_say_where_the_time_went() {
    let folder = folder(&Kept::kill().end(&[(1, 100)]));
    std::fs::create_dir(folder.path().join("mongod")).unwrap();
    // The kill comes 500 ms after the beginning, and the wall clock of the run began at this moment.
    let line = |ms: &str, msg: &str, attr: &str| {
        format!(
            "{{\"t\":{{\"$date\":\"2026-09-21T14:13:{ms}+00:00\"}},\"s\":\"I\",\"c\":\"X\",\"msg\":\"{msg}\",\"attr\":{attr}}}\n"
        )
    };
    let log = line("20.700", "Starting an election due to step up request", "{}")
        + &line("20.703", "Election succeeded, assuming primary role", "{\"term\":2}")
        + &line("20.712", "Transition to primary complete; database writes are now permitted", "{}");
    std::fs::write(folder.path().join("mongod/10.0.0.1-27017.log"), log).unwrap();
    let split = &report(folder.path(), &["--max-election", "50ms"])["faults"][0]["split"];
    assert_eq!(
        (&split["detection_ms"], &split["election_ms"], &split["driver_ms"]),
        (&json!(200), &json!(12), &json!(688))
    );
    assert_eq!(check(folder.path(), &["--max-election", "50ms"]).code, Some(0));
    assert_eq!(check(folder.path(), &["--max-election", "5ms"]).code, Some(1));
}

#[test]
fn reports_are_written_where_they_are_asked_for() {
    let folder = folder(&Kept::kill().end(&[(1, 100)]));
    let ran = check(folder.path(), &["--write"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!((&json["verdict"], &json["format"]), (&json!("pass"), &json!(1)));
    let junit = read("junit.xml");
    assert!(
        junit.contains("<testsuite name=\"objectives\" tests=\"2\"") && junit.contains("failures=\"0\""),
        "{junit}"
    );
    assert!(read("report.html").contains("class=\"verdict pass\""));
    assert!(ran.stderr.contains("report.html"), "{}", ran.stderr);
    // The reports of a failed run tell that, too.
    check(folder.path(), &["--write", "--max-write-gap", "1ms"]);
    assert!(read("junit.xml").contains("<failure") && read("report.html").contains("class=\"verdict fail\""));
}

#[test]
fn several_runs_are_compared() {
    let folder = TempDir::new().unwrap();
    keep(&folder.path().join("w-1"), "w:1", &Kept::kill().end(&[(1, 41), (43, 100)]));
    keep(&folder.path().join("w-majority"), "w:majority", &Kept::kill().end(&[(1, 100)]));
    let ran = check(folder.path(), &["--write"]);
    assert_eq!(ran.code, Some(1), "the worst decides");
    let row = ran.stdout.lines().find(|line| line.starts_with("lost writes")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["lost", "writes", "1", "0"]);
    assert!(folder.path().join("comparison.html").is_file() && folder.path().join("w-1/report.html").is_file());
    let both = report(folder.path(), &[]);
    assert_eq!(both["comparison"]["titles"], json!(["w:1", "w:majority"]));
    assert_eq!(both["reports"].as_array().unwrap().len(), 2);
}
