//! Commands: streams in pieces of any size, exit codes, signals, terminals.

use std::time::Duration;

use distctl::incus::{Client, Command, Error};
use futures_util::StreamExt;

use super::client;
use crate::fake::{ExecReply, Fake};

async fn running(fake: &Fake) -> Client {
    fake.world().add_container("db1", "10.0.0.2", "Running");
    client(fake).await
}

#[tokio::test]
async fn streams_and_exit_code_come_back() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|call| {
        let stdout = [call.command.join(" ").as_bytes(), b"|", &call.stdin].concat();
        ExecReply { stdout, stderr: b"err\n".to_vec(), code: 7, frame: 1000, ..ExecReply::default() }
    });
    let stdin: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
    let finished = client.run("db1", &["sort", "-u"], stdin.clone()).await.unwrap();
    assert_eq!((finished.code, finished.stderr.as_slice()), (7, &b"err\n"[..]));
    assert_eq!(finished.stdout, [b"sort -u|".as_slice(), &stdin].concat());
}

#[tokio::test]
async fn a_command_costs_five_requests() {
    let fake = Fake::start();
    let client = running(&fake).await;
    let before = client.requests();
    client.run_lines("db1", &["/run/distctl/agent", "inspect"], b"{}".to_vec(), |_| {}).await.unwrap();
    let after = client.requests();
    assert_eq!((after.reads - before.reads, after.writes - before.writes), (4, 1));
    assert_eq!((fake.count("", "/1.0/"), fake.writes()), (5, 0), "{:?}", fake.requests());
}

#[tokio::test]
async fn lines_are_whole_whatever_the_frames() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|_| ExecReply { frame: 3, ..ExecReply::ok("first\n\nzwölf\nlast") });
    let mut lines = Vec::new();
    let finished = client.run_lines("db1", &["x"], vec![], |line| lines.push(line.to_owned())).await.unwrap();
    assert_eq!((finished.code, finished.stdout.len()), (0, 0));
    assert_eq!(lines, ["first", "", "zwölf", "last"]);
}

#[tokio::test]
async fn commands_that_can_not_run_say_why() {
    let fake = Fake::start();
    let client = running(&fake).await;
    for wording in [crate::fake::Wording::V6_0_4, crate::fake::Wording::V7_0] {
        fake.world().wording = wording;
        fake.on_exec(|_| ExecReply::not_found());
        let error = client.run("db1", &["nosuch"], vec![]).await.unwrap_err();
        assert!(error.is_command_not_found() && !error.is_not_found(), "{wording:?}: {error:?}");
    }
    fake.world().instances.get_mut("db1").unwrap().set_status("Frozen");
    assert!(client.run("db1", &["x"], vec![]).await.unwrap_err().is_frozen());
    fake.world().instances.get_mut("db1").unwrap().set_status("Stopped");
    assert!(client.run("db1", &["x"], vec![]).await.unwrap_err().is_not_running());
    assert!(client.run("db2", &["x"], vec![]).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn output_that_is_cut_is_not_taken_for_all() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|_| ExecReply { cut: true, ..ExecReply::ok("half") });
    let error = client.run("db1", &["x"], vec![]).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn streams_stay_open_until_the_command_has_ended() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|_| ExecReply { lingers: true, ..ExecReply::ok("done") });
    let finished = client.run("db1", &["x"], vec![]).await.unwrap();
    assert_eq!((finished.code, finished.stdout.as_slice()), (0, &b"done"[..]), "a client that hangs up kills");
}

#[tokio::test]
async fn sessions_stream_both_ways_and_take_signals() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|call| ExecReply { code: 3, ..ExecReply::ok(call.stdin.clone()) });
    let mut session = client.exec("db1", &Command::new(["cat"])).await.unwrap();
    let stdin = session.stdin.take().unwrap();
    assert!(stdin.send("hello".into()).await);
    drop(stdin);
    let written: Vec<_> = session.stdout.by_ref().collect().await;
    assert_eq!(written.concat(), b"hello");
    assert_eq!(session.wait().await.unwrap(), 3);

    let session = client.exec("db1", &Command::new(["sleep", "60"])).await.unwrap();
    let stdin = session.stdin.clone();
    assert!(session.signal(15).await);
    assert_eq!(session.wait().await.unwrap(), 143);
    assert_eq!(fake.world().controls, [serde_json::json!({"command": "signal", "signal": 15})]);
    drop(stdin);
}

#[tokio::test]
async fn output_outlives_its_command() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|_| ExecReply::ok("late"));
    let mut session = client.exec("db1", &Command::new(["x"])).await.unwrap();
    drop(session.stdin.take());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while fake.world().operations.values().any(|operation| operation.shown.borrow()["status_code"] != 200) {
        assert!(tokio::time::Instant::now() < deadline, "it did not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The daemon has hung up by now; its ping can't be answered any more, and what it wrote is still to be read.
    let written = session.stdout.by_ref().collect::<Vec<_>>().await.concat();
    assert_eq!((written.as_slice(), session.stdout.is_cut()), (&b"late"[..], false));
}

#[tokio::test]
async fn a_session_that_is_dropped_takes_its_command_along() {
    let fake = Fake::start();
    let client = running(&fake).await;
    drop(client.exec("db1", &Command::new(["sleep", "60"])).await.unwrap());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !fake.world().operations.values().all(|operation| operation.shown.borrow()["metadata"]["return"] == 137) {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", fake.world().operations);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn terminals_echo_resize_and_end() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.on_exec(|call| ExecReply::ok(format!("{} {}\r\n", call.request["height"], call.request["width"])));
    let command = Command { terminal: Some((80, 25)), ..Command::new(["bash"]) };
    let mut session = client.exec("db1", &command).await.unwrap();
    let mut seen = Vec::new();
    seen.push(session.stdout.next().await.unwrap());
    session.stdin.as_ref().unwrap().send("ls\r".into()).await;
    seen.push(session.stdout.next().await.unwrap());
    assert!(session.resize(132, 43).await);
    seen.push(session.stdout.next().await.unwrap());
    assert_eq!(seen, ["25 80\r\n", "ls\r", "43 132\r\n"]);
    session.signal(1).await;
    assert!(session.stdout.next().await.is_none());
    let ended = tokio::time::timeout(Duration::from_secs(10), session.wait()).await;
    assert_eq!(ended.expect("the terminal was not hung up").unwrap(), 129);
}

#[tokio::test]
async fn the_refusal_of_a_websocket_keeps_the_servers_words() {
    let fake = Fake::start();
    let client = running(&fake).await;
    fake.fail_next("GET", "/1.0/operations", 403, "Forbidden for a test");
    let error = client.run("db1", &["x"], vec![]).await.unwrap_err();
    assert!(error.to_string().contains("Forbidden for a test") && !error.to_string().contains("secret"), "{error}");
}
