//! Failures that must be named.

use protocol::{InitiateRequest, Request, WaitMongodRequest};

use crate::call::{done, failed};
use crate::fixture::{Auth, Bench};

#[test]
fn a_member_with_another_keyfile_is_named() {
    let mut bench = Bench::with_members(Auth::Keyfile, 1);
    bench.write_key("other", 'o');
    bench.start(&["--replSet", "rsA"], "other");
    bench.await_members();
    let port = bench.members[0].port;
    let request = InitiateRequest { port, config: bench.config(), admin: None, timeout_ms: 3_000 };
    let failure = failed(Request::InitiateReplicaSet(request));
    assert_eq!(failure.object, "replica set rsA");
    assert!(failure.cause.contains(&bench.members[1].host), "{failure}");
    assert!(failure.hint.unwrap().contains("keyfile"));
}

#[test]
fn a_member_of_another_set_is_not_taken() {
    let mut bench = Bench::empty(Auth::None);
    bench.start(&["--replSet", "rsB"], "keyfile");
    bench.await_members();
    let port = bench.members[0].port;
    let mut other = bench.config();
    other.name = "rsB".into();
    done(Request::InitiateReplicaSet(InitiateRequest { port, config: other, admin: None, timeout_ms: 20_000 }));
    let failure = failed(bench.initiation());
    assert!(failure.cause.contains("rsB"), "{failure}");
}

#[test]
fn a_wrong_password_of_the_administrator_can_be_mended() {
    let bench = Bench::healthy(Auth::Keyfile);
    std::fs::write(bench.at("admin.password"), "forgotten").unwrap();
    let failure = failed(Request::EnsureUsers(bench.users()));
    assert!(failure.cause.contains("does not let admin in"), "{failure}");
    assert!(failure.hint.as_ref().unwrap().contains(&bench.at("admin.password")));
    let text = serde_json::to_string(&failure).unwrap();
    assert!(!text.contains("forgotten"), "no password is ever told");
}

#[test]
fn a_set_without_a_majority_is_described() {
    let mut bench = Bench::healthy(Auth::None);
    let lost = bench.primary().unwrap();
    bench.members[lost].kill();
    bench.members[(lost + 1) % 3].kill();
    let failure = failed(bench.health(500));
    assert!(failure.cause.contains("there is no primary"), "{failure}");
    assert!(failure.cause.contains(&format!("{}: nothing listens there", bench.members[lost].host)), "{failure}");
}

#[test]
fn a_mongod_that_never_comes_is_waited_for_no_longer_than_asked() {
    let mut bench = Bench::with_members(Auth::None, 1);
    bench.members[0].kill();
    let (port, log) = (bench.members[0].port, bench.at("0.log"));
    let request = WaitMongodRequest { port, unit: "mongod-none.service".into(), log, timeout_ms: 300 };
    let failure = failed(Request::WaitMongod(request));
    assert_eq!(failure.object, "mongod-none.service");
    assert!(!failure.log.is_empty(), "its log file explains it");
}
