//! Members that copy all data: for the first time, or once more.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use protocol::{Directory, EmptyMemberRequest, Failure, Request};

use crate::call::{call, done, failed};
use crate::fixture::{Auth, Bench};

fn emptying(bench: &Bench, number: usize) -> Request {
    let path = bench.at(&format!("data{number}"));
    let owner = Path::new(&path).metadata().unwrap().uid().to_string();
    let data = Directory { path, mode: 0o700, owner, group: "0".into() };
    let host = bench.members[number].host.clone();
    Request::EmptyMember(EmptyMemberRequest { set: bench.address(), host, unit: "mongod-none.service".into(), data })
}

/// Waits until the primary has heard of the others, which it does with its heartbeats.
fn await_heartbeats(bench: &Bench) {
    let until = Instant::now() + Duration::from_secs(30);
    let seen = || bench.look(bench.primary().unwrap(), "agent").unwrap().members;
    while seen().iter().any(|one| !matches!(one.state.as_str(), "PRIMARY" | "SECONDARY")) {
        assert!(Instant::now() < until, "{:?}", seen());
    }
}

/// Writes many megabytes, and a checkpoint: what is in none may not be forgotten.
fn write(bench: &Bench, number: usize, megabytes: usize) {
    let user = if bench.auth == Auth::Keyfile { "admin:admin-has-a-secret@" } else { "" };
    let uri = format!("mongodb://{user}{}/?directConnection=true", bench.members[number].host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(uri).await.unwrap();
        let documents = client.database("shop").collection::<Document>("products");
        let large = (0..megabytes).map(|_| doc! { "text": "x".repeat(1 << 20) });
        documents.insert_many(large).await.unwrap();
        client.database("admin").run_command(doc! { "fsync": 1 }).await.unwrap();
    });
}

#[test]
fn a_member_is_emptied_and_filled_anew_by_its_set() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    let marker = bench.at("data2/marker");
    std::fs::write(&marker, "old").unwrap();
    let failure: Failure = failed(emptying(&bench, bench.primary().unwrap()));
    assert!(failure.cause.contains("it is the primary"), "{failure}");

    await_heartbeats(&bench);
    bench.members[2].kill();
    assert_eq!(done(emptying(&bench, 2)), [format!("emptying {}", bench.at("data2"))]);
    assert_eq!(std::fs::read_dir(bench.at("data2")).unwrap().count(), 0);
    assert!(!Path::new(&bench.at("data2.emptied")).exists());
    bench.members[2].start();
    bench.await_healthy();
    assert!(bench.look(2, "agent").unwrap().secondary && !Path::new(&marker).exists());

    bench.members[1].kill();
    // The primary notices that after a while; until then it has seen the other just now.
    let until = Instant::now() + Duration::from_secs(30);
    while bench.look(0, "agent").unwrap().members[1].healthy {
        assert!(Instant::now() < until, "the primary must miss it");
    }
    let failure: Failure = failed(emptying(&bench, 2));
    assert!(failure.cause.contains("1 of its 3 voting members"), "{failure}");
    assert!(std::fs::read_dir(bench.at("data2")).unwrap().count() > 0);
}

#[test]
fn a_first_copy_tells_how_far_it_is_and_is_given_up_only_when_it_stands_still() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    write(&bench, bench.primary().unwrap(), 24);
    await_heartbeats(&bench);
    bench.members[2].kill();
    done(emptying(&bench, 2));
    let hangs = "failpoint.initialSyncHangBeforeFinish={mode:'alwaysOn'}";
    bench.members[2].start_with(&["--setParameter", "enableTestCommands=1", "--setParameter", hangs]);
    bench.await_members();

    let answer = call(bench.health(5_000));
    let last = answer.progress.last().expect("a first copy must be told");
    assert!(last.starts_with(&format!("{} copies its data: 2", bench.members[2].host)), "{last}");
    assert!(last.contains(" MiB, ") && last.ends_with(" collections"), "{last}");
    let failure = answer.outcome.unwrap_err();
    assert!(failure.cause.contains("nothing has moved for 5000 ms"), "{failure}");

    bench.ask(2, doc! { "configureFailPoint": "initialSyncHangBeforeFinish", "mode": "off" });
    bench.await_healthy();
}
