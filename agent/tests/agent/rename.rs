//! A set gets another name, and loses nothing of what its members have in no checkpoint.

use mongodb::bson::{Bson, Document, doc};
use protocol::{RenameRequest, Reply, Request, SetAddress, WaitReplicaSetRequest};

use crate::call::{call, done, failed};
use crate::fixture::{Auth, Bench, Mongod, PATIENCE};

const CHECKPOINT: i32 = 100;
const ALL: i32 = 2_000;

fn rename(bench: &Bench, number: usize) -> RenameRequest {
    RenameRequest {
        set: "rsX".into(),
        before: "rsA".into(),
        port: bench.members[number].port,
        keyfile: (bench.auth == Auth::Keyfile).then(|| bench.at("keyfile")),
        timeout_ms: PATIENCE,
    }
}

fn is_to_restart(bench: &Bench, number: usize) -> bool {
    match call(Request::RenameReplicaSet(rename(bench, number))).outcome.unwrap() {
        Reply::Renamed(is_to_restart) => is_to_restart,
        other => panic!("no answer to that: {other:?}"),
    }
}

fn insert(bench: &Bench, from: i32, to: i32) {
    let documents: Vec<Document> = (from..to).map(|number| doc! { "_id": number }).collect();
    let primary = bench.primary().unwrap();
    let kept =
        bench.ask(primary, doc! { "insert": "kept", "documents": documents, "writeConcern": { "w": 3, "j": true } });
    assert_eq!(kept.get_i32("n").unwrap(), to - from);
}

/// How many documents a member has: counted, since what mongod remembers of that is wrong after a crash.
fn count(bench: &Bench, number: usize) -> i32 {
    bench
        .ask(number, doc! { "count": "kept", "query": { "_id": { "$gte": 0 } } })
        .get("n")
        .and_then(Bson::as_i32)
        .unwrap()
}

#[test]
fn a_set_of_another_name_has_all_that_it_had() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    insert(&bench, 0, CHECKPOINT);
    (0..3).for_each(|number| drop(bench.ask(number, doc! { "fsync": 1 })));
    insert(&bench, CHECKPOINT, ALL);
    for member in &mut bench.members {
        member.kill();
        member.start_in("rsX");
    }
    bench.await_members();
    let stranger = RenameRequest { before: "rsB".into(), ..rename(&bench, 0) };
    let failure = failed(Request::RenameReplicaSet(stranger));
    assert_eq!(failure.object, "replica set rsX");
    assert!(failure.cause.contains("belongs to rsA, not to rsB"), "{failure}");
    for number in [0, 1, 2, 2] {
        assert!(is_to_restart(&bench, number));
    }
    bench.members.iter_mut().for_each(Mongod::kill);
    bench.members.iter_mut().for_each(Mongod::start);
    bench.await_members();
    let set = SetAddress { name: "rsX".into(), ..bench.address() };
    done(Request::WaitReplicaSet(WaitReplicaSetRequest {
        set,
        members: bench.hosts(),
        keyfile: None,
        timeout_ms: PATIENCE,
    }));
    for number in 0..3 {
        assert_eq!(count(&bench, number), ALL, "member {number}");
        let config = bench.ask(number, doc! { "replSetGetConfig": 1 });
        assert_eq!(config.get_document("config").unwrap().get_str("_id").unwrap(), "rsX");
    }
    assert!(!is_to_restart(&bench, 0), "it has it already");
}

#[test]
fn who_has_not_the_key_renames_nothing() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    bench.members[0].kill();
    bench.members[0].start_in("rsX");
    bench.await_members();
    bench.write_key("other", 'o');
    let request = RenameRequest { keyfile: Some(bench.at("other")), ..rename(&bench, 0) };
    let failure = failed(Request::RenameReplicaSet(request));
    assert!(failure.cause.contains("does not take the name"), "{failure}");
    assert!(!failure.to_string().contains("ooo"), "no key is ever told");
    let config = bench.ask(0, doc! { "replSetGetConfig": 1 });
    assert_eq!(config.get_document("config").unwrap().get_str("_id").unwrap(), "rsA");
}
