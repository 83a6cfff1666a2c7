//! What the units of mongods run when they start, stop or crash.

use std::time::{Duration, Instant};

use mongodb::bson::doc;

use crate::call::agent;
use crate::fixture::{Auth, Bench, Mongod};

/// Runs a handover for one member as its unit would, and gives its line and how long it took.
fn handover(bench: &Bench, verb: &str, number: usize, result: &str) -> (String, Duration) {
    let start = Instant::now();
    let output = agent()
        .args(["handover", verb, "--set", "rsA", "--self", &bench.members[number].host])
        .args(["--hosts", &bench.hosts().join(","), "--user", "agent"])
        .args(["--password-file", &bench.at("agent.password")])
        .env("SERVICE_RESULT", result)
        .output()
        .unwrap();
    assert!(output.status.success(), "a handover never fails its unit");
    (String::from_utf8(output.stderr).unwrap(), start.elapsed())
}

fn await_primary_other_than(bench: &Bench, number: usize) -> Duration {
    let start = Instant::now();
    while bench.primary().is_none_or(|primary| primary == number) {
        assert!(start.elapsed() < Duration::from_secs(30), "there must be another primary");
    }
    start.elapsed()
}

#[test]
fn after_a_crash_the_freshest_secondary_steps_up() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    let old = bench.primary().unwrap();
    let secondary = (old + 1) % 3;
    let (line, _) = handover(&bench, "crash", secondary, "signal");
    assert!(line.contains("is primary already"), "the crash of a secondary changes nothing: {line}");
    assert_eq!(bench.primary(), Some(old));

    bench.members[old].kill();
    let (line, _) = handover(&bench, "crash", old, "success");
    assert_eq!(line, "", "a clean end is no crash");
    assert_eq!(bench.primary(), None);

    let start = Instant::now();
    let (line, took) = handover(&bench, "crash", old, "signal");
    assert!(line.contains("has stepped up"), "{line}");
    await_primary_other_than(&bench, old);
    let all = start.elapsed();
    eprintln!("the handover took {took:?}, a new primary was seen after {all:?}");
    assert!(all < Duration::from_secs(4), "much sooner than the election timeout of 10 s: {all:?}");
}

#[test]
fn before_a_stop_the_primary_steps_down() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    let old = bench.primary().unwrap();
    let (line, _) = handover(&bench, "stop", (old + 1) % 3, "success");
    assert!(line.contains("is not primary"), "{line}");
    assert_eq!(bench.primary(), Some(old));

    let (line, _) = handover(&bench, "stop", old, "success");
    assert!(line.contains("has stepped down"), "{line}");
    let waited = await_primary_other_than(&bench, old);
    assert!(waited < Duration::from_secs(4), "the one that took over was elected at once: {waited:?}");

    bench.members[old].kill();
    let (line, took) = handover(&bench, "stop", old, "signal");
    assert!(line.contains("nothing listens there"), "{line}");
    assert!(took < Duration::from_secs(1), "a stop is not held up: {took:?}");
}

#[test]
fn the_others_copy_from_the_one_that_takes_over() {
    let bench = Bench::healthy(Auth::Keyfile);
    let old = bench.primary().unwrap();
    let (line, _) = handover(&bench, "stop", old, "success");
    assert!(line.contains("has stepped down, and"), "nothing went wrong after: {line}");
    await_primary_other_than(&bench, old);
    let new = bench.primary().unwrap();
    let third = 3 - old - new;
    assert_eq!(bench.sync_source(third), bench.members[new].host, "or `w: majority` waits for it to change");
}

/// Has a member copy from another.
fn chain(bench: &Bench, primary: usize, follower: usize, source: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while bench.sync_source(follower) != bench.members[source].host {
        assert!(Instant::now() < deadline, "the follower must copy from the other");
        bench.ask(follower, doc! { "replSetSyncFrom": &bench.members[source].host });
        for _ in 0..20 {
            bench.ask(primary, doc! { "appendOplogNote": 1, "data": { "test": 1 } });
        }
    }
}

/// Told its own source, a member says `Chose same sync source candidate as last time` (21087), and sleeps for a second.
#[test]
fn who_copies_from_the_next_primary_already_is_left_alone() {
    let bench = Bench::healthy(Auth::Keyfile);
    assert_eq!(bench.primary(), Some(0));
    chain(&bench, 0, 2, 1);
    let slept = || std::fs::read_to_string(bench.at("2.log")).unwrap().matches("\"id\":21087,").count();
    let before = slept();
    let (line, _) = handover(&bench, "stop", 0, "success");
    assert!(line.contains(&format!("{} has taken over", bench.members[1].host)), "of equals the first: {line}");
    // It is at a batch that it would let go of its source.
    bench.ask(1, doc! { "appendOplogNote": 1, "data": { "test": 2 } });
    let applied = |number| {
        let status = bench.ask(number, doc! { "replSetGetStatus": 1 });
        let times = status.get_document("optimes").unwrap().get_document("appliedOpTime").unwrap();
        times.get_timestamp("ts").unwrap()
    };
    let (written, deadline) = (applied(1), Instant::now() + Duration::from_secs(60));
    while applied(2) < written {
        assert!(Instant::now() < deadline, "what the new primary has written arrives");
    }
    assert_eq!(slept(), before);
}

fn time(status: &mongodb::bson::Document, name: &str) -> mongodb::bson::Timestamp {
    status.get_timestamp(name).unwrap_or_else(|_| {
        status.get_document("optimes").unwrap().get_document(name).unwrap().get_timestamp("ts").unwrap()
    })
}

/// What a kill would have it replay begins at the stable timestamp of its last checkpoint.
#[test]
fn after_a_start_a_checkpoint_holds_all_that_was_there() {
    let bench = Bench::healthy(Auth::Keyfile);
    let primary = bench.primary().unwrap();
    for number in 0..3 {
        for _ in 0..20 {
            bench.ask(primary, doc! { "appendOplogNote": 1, "data": { "test": 3 } });
        }
        let status = bench.ask(primary, doc! { "replSetGetStatus": 1 });
        let written = time(&status, "appliedOpTime");
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            let status = bench.ask(number, doc! { "replSetGetStatus": 1 });
            if time(&status, "appliedOpTime") >= written {
                break status;
            }
            assert!(Instant::now() < deadline, "what the primary has written arrives");
        };
        assert!(time(&status, "lastStableRecoveryTimestamp") < written, "or nothing is tested");
        let (line, _) = handover(&bench, "start", number, "success");
        assert!(!line.contains("no checkpoint"), "{line}");
        let status = bench.ask(number, doc! { "replSetGetStatus": 1 });
        assert!(time(&status, "lastStableRecoveryTimestamp") >= written, "{status}");
    }
}

#[test]
fn nobody_copies_from_a_secondary_that_stops() {
    let bench = Bench::healthy(Auth::Keyfile);
    let primary = bench.primary().unwrap();
    let (leaving, follower) = ((primary + 1) % 3, (primary + 2) % 3);
    chain(&bench, primary, follower, leaving);
    let (line, _) = handover(&bench, "stop", leaving, "success");
    assert!(line.contains(&format!("1 that copied from it copy from {}", bench.members[primary].host)), "{line}");
    assert_eq!(bench.sync_source(follower), bench.members[primary].host);
}

#[test]
fn without_a_majority_a_crash_is_left_to_the_set() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    let old = bench.primary().unwrap();
    bench.members[old].kill();
    bench.members[(old + 1) % 3].kill();
    let (line, took) = handover(&bench, "crash", old, "signal");
    assert!(line.contains("left to the set itself"), "{line}");
    assert!(took < Duration::from_secs(9));
    assert_eq!(bench.primary(), None);
}

#[test]
fn after_a_start_of_all_one_is_elected_at_once() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    bench.members.iter_mut().for_each(Mongod::kill);
    bench.members.iter_mut().for_each(Mongod::start);
    let lines: Vec<String> = std::thread::scope(|scope| {
        let bench = &bench;
        let starts: Vec<_> = (0..3).map(|number| scope.spawn(move || handover(bench, "start", number, ""))).collect();
        starts.into_iter().map(|start| start.join().unwrap().0).collect()
    });
    let primary = bench.primary().expect("nobody waits for the election timeout of 10 s");
    for line in &lines {
        assert!(line.contains("is primary") || line.contains("has handed back"), "{line}");
    }
    assert_eq!(primary, 0, "all are equally fresh, so the one that should lead does: {lines:?}");
}

#[test]
fn after_a_start_the_favourite_leads_again() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    assert_eq!(bench.primary(), Some(0));
    let (line, _) = handover(&bench, "start", 1, "");
    assert!(line.contains("is primary"), "a start of another changes nothing: {line}");

    bench.members[0].kill();
    handover(&bench, "crash", 0, "signal");
    await_primary_other_than(&bench, 0);
    bench.members[0].start();
    let (line, _) = handover(&bench, "start", 0, "");
    assert!(line.contains(&format!("has handed back to {}", bench.members[0].host)), "{line}");
    assert_eq!(bench.primary(), Some(0));
}

#[test]
fn a_start_before_there_is_a_set_is_no_matter() {
    let bench = Bench::with_members(Auth::Keyfile, 2);
    let (line, _) = handover(&bench, "start", 0, "");
    assert!(line.contains("is in no set yet"), "{line}");
}
