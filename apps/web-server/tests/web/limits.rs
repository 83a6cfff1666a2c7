//! Bad starts, bad clients, and the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use mongodb::bson::doc;
use reqwest::Method;

use crate::cluster::until;
use crate::service::{KEY, System, command, product};

fn fails(change: impl Fn(&mut Command) -> &mut Command) -> String {
    let folder = tempfile::tempdir().unwrap();
    let urls = ["rsA", "rsB"].map(|set| format!("mongodb://user:hunter2@127.0.0.1:1/products_db?replicaSet={set}"));
    let mut command = command(folder.path(), &urls, "http://127.0.0.1:1");
    change(&mut command);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(!log.contains("hunter2") && !log.contains(KEY), "{log}");
    log
}

#[test]
fn it_refuses_to_start_with_what_can_not_work() {
    type Change = fn(&mut Command) -> &mut Command;
    let cases: [(Change, &str); 9] = [
        (|c| c.env_remove("SECRET_KEY"), "SECRET_KEY is not set"),
        (|c| c.env("SECRET_KEY", "short"), "SECRET_KEY"),
        (|c| c.env("SECRET_KEY", "please-change-me-9f2d8c6b1a7e4f3d5c8b"), "SECRET_KEY"),
        (|c| c.env_remove("AUTH_SERVER_URL"), "AUTH_SERVER_URL is not set"),
        (|c| c.env_remove("DB1_URL"), "DB1_URL is not set"),
        (|c| c.env_remove("DB2_URL"), "a fragment is on rsB"),
        (|c| c.env("DB2_URL", "mongodb://user:hunter2@h/?replicaSet=rsB"), "DB2_URL names no database"),
        (|c| c.env("DB1_URL", "mongodb://user:hunter2@:/x"), "DB1_URL"),
        (|c| c.env("FRAGMENTATION_FILE", "/nowhere"), "FRAGMENTATION_FILE names /nowhere"),
    ];
    for (change, cause) in cases {
        let log = fails(change);
        assert!(log.contains(cause), "{cause}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_and_requests_in_flight_finish() {
    let mut system = System::start().await;
    let address = system.web.url.strip_prefix("http://").unwrap().to_owned();
    let slow = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /products HTTP/1.1\r\nHost: x\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // Whatever it is told, it is told that it is over.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    slow.await.unwrap();

    // A write that waits in the database, and the end while it waits.
    let admin = system.a.client.database("admin");
    admin.run_command(doc! { "fsync": 1, "lock": true }).await.unwrap();
    let request = system.web.request(Method::POST, "/products").bearer_auth(&system.web.token);
    let waiting = tokio::spawn(request.json(&product("Ajo")).send());
    until("the write is there", || async {
        let running = admin.run_command(doc! { "currentOp": 1, "op": "insert", "waitingForLock": true }).await.unwrap();
        (!running.get_array("inprog").unwrap().is_empty()).then_some(())
    })
    .await;
    system.web.terminate();
    let log = system.web.log.clone();
    until("it stops", || async { log.lock().unwrap().iter().any(|line| line.contains("stopping")).then_some(()) })
        .await;
    admin.run_command(doc! { "fsyncUnlock": 1 }).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 201);
    assert_eq!(system.web.ended().code(), Some(0));
    let log = log.lock().unwrap().join("\n");
    assert!(!log.contains(&system.web.token) && !log.contains(KEY), "no secret is in the log");
}
