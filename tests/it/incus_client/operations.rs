//! Operations are waited for without losing their result; what broke is told, and only what is safe is repeated.

use std::time::Duration;

use distctl::incus::{Client, Error};

use super::client;
use crate::fake::{Fake, Outcome, Wording};

const CLASH: &str =
    "Failed start validation for device \"eth0\": IP address \"10.0.0.2\" already defined on another NIC";

async fn stopped(fake: &Fake) -> Client {
    fake.world().add_container("db1", "10.0.0.2", "Stopped");
    client(fake).await
}

#[tokio::test]
async fn failures_are_understood_in_both_wordings() {
    for (wording, code) in [(Wording::V6_0_4, 409), (Wording::V7_0, 0)] {
        let fake = Fake::start();
        fake.world().wording = wording;
        let client = stopped(&fake).await;
        fake.next_operation(Outcome::Fails(409, CLASH.into()));
        let error = client.start_instance("db1").await.unwrap_err();
        assert!(error.is_conflict() && error.is_address_in_use(), "{wording:?}: {error:?}");
        assert_eq!(error.api().unwrap().code, code);
        assert_eq!(error.api().unwrap().path, "/1.0/instances/db1/state");
    }
}

#[tokio::test]
async fn waits_that_end_in_vain_go_on() {
    // Where the wait does not show the operation, a look follows each wait; the last look sees the end.
    for (wording, waits, looks) in [(Wording::V6_0_4, 2, 2), (Wording::V7_0, 3, 0)] {
        let fake = Fake::start();
        fake.world().wording = wording;
        let client = stopped(&fake).await;
        fake.next_operation(Outcome::Slow(2));
        client.start_instance("db1").await.unwrap();
        let asked = fake.requests().into_iter().filter(|request| request.is("GET", "/1.0/operations"));
        let (waited, looked): (Vec<_>, Vec<_>) = asked.partition(|request| request.path.ends_with("/wait"));
        assert_eq!((waited.len(), looked.len()), (waits, looks), "{wording:?}");
    }
}

#[tokio::test]
async fn a_forgotten_outcome_is_looked_up() {
    let fake = Fake::start();
    let client = stopped(&fake).await;
    fake.next_operation(Outcome::Forgotten);
    client.start_instance("db1").await.unwrap();
    fake.next_operation(Outcome::Forgotten);
    let restarted = client.restart_instance("db1", Duration::from_secs(5)).await;
    assert!(matches!(restarted, Err(Error::OperationLost { .. })), "{restarted:?}");
    client.stop_instance("db1", Duration::from_secs(5), false).await.unwrap();
    fake.next_operation(Outcome::Forgotten);
    client.delete_instance("db1").await.unwrap();
}

#[tokio::test]
async fn states_that_are_there_already_are_no_error() {
    let fake = Fake::start();
    let client = stopped(&fake).await;
    client.stop_instance("db1", Duration::from_secs(5), false).await.unwrap();
    client.start_instance("db1").await.unwrap();
    client.start_instance("db1").await.unwrap();
    client.freeze_instance("db1").await.unwrap();
    client.unfreeze_instance("db1").await.unwrap();
    client.stop_instance("db1", Duration::ZERO, true).await.unwrap();
    assert!(client.freeze_instance("db1").await.unwrap_err().is_not_running());
    let stop = fake.requests().into_iter().find(|request| request.body["action"] == "stop").unwrap();
    assert_eq!(stop.body["timeout"], 5);
}

#[tokio::test]
async fn what_does_not_shut_down_is_killed_if_asked() {
    const SLOW: &str = "Failed shutting down instance, status is \"Running\": context deadline exceeded";
    let fake = Fake::start();
    let client = stopped(&fake).await;
    client.start_instance("db1").await.unwrap();
    fake.next_operation(Outcome::Fails(500, SLOW.into()));
    let error = client.stop_instance("db1", Duration::from_secs(1), false).await.unwrap_err();
    assert!(error.is_stop_timeout(), "{error}");
    fake.next_operation(Outcome::Fails(500, SLOW.into()));
    client.stop_instance("db1", Duration::from_secs(1), true).await.unwrap();
    assert_eq!(fake.world().instances["db1"].status(), "Stopped");
    let last = fake.requests().into_iter().rfind(|request| request.method == "PUT").unwrap();
    assert_eq!((&last.body["force"], &last.body["timeout"]), (&true.into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn busy_instances_are_waited_for() {
    let fake = Fake::start();
    let client = stopped(&fake).await;
    let busy = "Failed to create instance update operation: Instance is busy running a \"stop\" operation";
    fake.fail_next("PUT", "/1.0/instances/db1/state", 500, busy);
    client.start_instance("db1").await.unwrap();
    assert_eq!(fake.count("PUT", "/1.0/instances/db1/state"), 2);
}

#[tokio::test]
async fn reads_are_repeated_and_writes_are_not() {
    let fake = Fake::start();
    let client = stopped(&fake).await;
    fake.close_mid_response("GET", "/1.0/instances", 2);
    assert_eq!(client.instances().await.unwrap().len(), 1);
    fake.close_mid_response("GET", "/1.0/instances", 3);
    let error = client.instances().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }) && error.is_connection(), "{error:?}");
    fake.close_mid_response("POST", "/1.0/networks", 1);
    let error = client.create_network("br", "", &Default::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Transport { method, path, .. } if method == "POST" && path == "/1.0/networks"));
    assert_eq!(fake.count("POST", "/1.0/networks"), 1);
}

#[tokio::test]
async fn a_daemon_that_is_starting_is_waited_for() {
    let fake = Fake::start();
    let client = stopped(&fake).await;
    fake.fail_next("POST", "/1.0/networks", 503, "Daemon setup in progress");
    client.create_network("br", "", &Default::default()).await.unwrap();
}

#[tokio::test]
async fn a_restart_of_the_daemon_during_a_wait_is_survived() {
    let fake = Fake::start();
    let client = stopped(&fake).await;
    fake.delay("GET", "/1.0/operations", Duration::from_secs(60));
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.start_instance("db1").await }
    });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while fake.count("GET", "/1.0/operations") == 0 {
        assert!(tokio::time::Instant::now() < deadline, "nobody waited");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fake.stop();
    fake.world().troubles.clear();
    fake.listen();
    waiting.await.unwrap().unwrap();
    assert_eq!(fake.world().instances["db1"].status(), "Running");
}

#[tokio::test]
async fn writes_keep_to_their_slots_and_heartbeats_do_not() {
    let fake = Fake::start();
    for number in 0..12 {
        fake.world().add_container(&format!("db{number}"), &format!("10.0.0.{number}"), "Stopped");
    }
    let client = client(&fake).await;
    fake.delay("PUT", "/1.0/instances", Duration::from_millis(20));
    let names: Vec<String> = (0..12).map(|number| format!("db{number}")).collect();
    let starts = futures_util::future::join_all(names.iter().map(|name| client.start_instance(name)));
    let project = client.read_project().await.unwrap();
    let beat = client.update_project(&project);
    let (started, beat) = futures_util::future::join(starts, beat).await;
    assert!(started.iter().all(Result::is_ok));
    beat.unwrap();
    let order = fake.requests();
    let at = |path: &str| order.iter().position(|request| request.method == "PUT" && request.path.starts_with(path));
    let started_before = order[..at("/1.0/projects").unwrap()].iter().filter(|r| r.is("PUT", "/1.0/instances")).count();
    assert!(started_before <= 4, "{started_before} starts went before the heartbeat");
}
