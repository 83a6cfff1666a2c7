//! What failover tests read in the end, and what they delete.

use mongodb::bson::{Document, doc};
use protocol::{EndDrillRequest, InitiateRequest, ReadBack, ReadBackRequest, Reply, Request};

use crate::call::{call, done};
use crate::fixture::{Auth, Bench, PATIENCE};

const DATABASE: &str = "distctl_drill";

fn read_back(bench: &Bench) -> ReadBack {
    let request = ReadBackRequest { set: bench.address(), database: DATABASE.into(), timeout_ms: PATIENCE };
    match call(Request::ReadBack(request)).outcome {
        Ok(Reply::ReadBack(back)) => *back,
        other => panic!("{other:?}"),
    }
}

fn end(bench: &Bench) {
    let request = EndDrillRequest {
        set: bench.address(),
        database: DATABASE.into(),
        user: Some("distctl-drill".into()),
        timeout_ms: PATIENCE,
    };
    done(Request::EndDrill(request));
}

/// Runs a command of the administrator in a database of the primary, which is the first member.
fn run(bench: &Bench, database: &str, command: Document) -> Document {
    let login = if bench.auth == Auth::Keyfile { "admin:admin-has-a-secret@" } else { "" };
    let uri = format!("mongodb://{login}{}/?directConnection=true", bench.members[0].host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime
        .block_on(async { mongodb::Client::with_uri_str(uri).await?.database(database).run_command(command).await });
    answer.unwrap()
}

fn databases(bench: &Bench) -> Vec<String> {
    let answer = run(bench, "admin", doc! { "listDatabases": 1, "nameOnly": true });
    let names = answer.get_array("databases").unwrap().iter();
    names.map(|one| one.as_document().unwrap().get_str("name").unwrap().to_owned()).collect()
}

/// Whatever is called as a test's own things are is not a test's for that.
#[test]
fn what_only_has_the_name_of_a_tests_database_and_user_is_left_alone() {
    let bench = Bench::healthy(Auth::Keyfile);
    assert_eq!(bench.primary(), Some(0));
    run(&bench, DATABASE, doc! { "insert": "inserts", "documents": [{ "op": 1_i64, "client": "Ana" }] });
    let roles = vec![doc! { "role": "readWrite", "db": "shop" }];
    run(&bench, "admin", doc! { "createUser": "distctl-drill", "pwd": "x", "roles": roles });
    let refused = read_back(&bench).read.error.unwrap();
    assert!(refused.contains("the database distctl_drill is there and no failover test"), "{refused}");
    end(&bench);
    assert!(databases(&bench).iter().any(|name| name == DATABASE));
    let users = run(&bench, "admin", doc! { "usersInfo": "distctl-drill" });
    assert_eq!(users.get_array("users").unwrap().len(), 1);

    // What a test made goes when it ends.
    run(&bench, DATABASE, doc! { "dropDatabase": 1 });
    run(&bench, "admin", doc! { "dropUser": "distctl-drill" });
    let roles = vec![doc! { "role": "readWrite", "db": DATABASE }];
    run(&bench, "admin", doc! { "createUser": "distctl-drill", "pwd": "x", "roles": roles });
    let back = read_back(&bench);
    assert_eq!(back.read.error, None);
    assert!(back.collections.values().any(|name| name == "distctl_drill.barrier"), "{:?}", back.collections);
    assert!(back.collections.keys().all(|uuid| uuid.len() == 36), "{:?}", back.collections);
    end(&bench);
    assert!(!databases(&bench).iter().any(|name| name == DATABASE));
    let users = run(&bench, "admin", doc! { "usersInfo": "distctl-drill" });
    assert_eq!(users.get_array("users").unwrap().len(), 0);
    end(&bench);
}

#[test]
fn a_member_with_a_delay_is_asked_for_the_tests_database_when_its_time_has_come() {
    let bench = Bench::with_members(Auth::None, 3);
    let mut config = bench.config();
    (config.members[2].priority, config.members[2].hidden, config.members[2].secondary_delay_secs) = (0.0, true, 3);
    done(Request::InitiateReplicaSet(InitiateRequest {
        port: bench.members[0].port,
        config,
        admin: None,
        timeout_ms: PATIENCE,
    }));
    bench.await_healthy();
    let majority = doc! { "w": "majority" };
    let documents = vec![doc! { "op": 1_i64, "client": 0 }];
    run(&bench, "shop", doc! { "insert": "orders", "documents": documents, "writeConcern": majority });
    let back = read_back(&bench);
    let hashes: Vec<_> = bench
        .hosts()
        .iter()
        .map(|host| back.hashes.iter().find(|hash| hash.host == *host).unwrap_or_else(|| panic!("{host}")))
        .collect();
    assert!(hashes.iter().all(|hash| hash.error.is_none()), "{hashes:?}");
    assert_eq!(hashes.iter().map(|hash| hash.delay_s).collect::<Vec<_>>(), [0, 0, 3]);
    assert_eq!(hashes[0].databases, hashes[1].databases);
    assert!(hashes[0].databases.contains_key("shop"));
    assert_eq!(hashes[2].databases.keys().collect::<Vec<_>>(), [DATABASE]);
    assert_eq!(hashes[2].databases[DATABASE], hashes[0].databases[DATABASE], "it was waited for");

    // A set is healthy although such a member is behind: with a delay of hours no test would ever get over a fault.
    run(&bench, "shop", doc! { "insert": "orders", "documents": [{ "op": 2_i64 }] });
    done(bench.health(2_500));
}
