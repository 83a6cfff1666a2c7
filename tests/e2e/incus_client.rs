//! The client against a real daemon. `crate::lab()` gives the lab's `INCUS_DIR`.

mod objects;
mod remote;

use std::collections::BTreeMap;
use std::process::Command as Process;
use std::time::{Duration, Instant};

use distctl::incus::{Client, Command, FileAttributes, FileBody, NewInstance, Places, Source, Target};
use futures_util::StreamExt;

const ROOT: FileAttributes = FileAttributes { uid: 0, gid: 0, mode: 0o644 };

fn target(remote: Option<&str>) -> Target {
    Target { remote: remote.map(Into::into), project: None, parallel: 4 }
}

async fn client() -> Client {
    let places = Places { daemon: Some(crate::lab()), ..Places::default() };
    Client::connect_from(&places, &target(None)).await.unwrap()
}

/// A container that is gone after the test, however that ends.
struct Guest(String);

impl Guest {
    async fn start(client: &Client, name: &str, devices: BTreeMap<String, BTreeMap<String, String>>) -> Self {
        let _ = client.stop_instance(name, Duration::ZERO, true).await;
        let _ = client.delete_instance(name).await;
        let config = BTreeMap::from([("boot.autostart".into(), "false".into())]);
        let source = Source::Alias("debian/12".into());
        let guest = Self(name.into());
        let new =
            NewInstance { name: name.into(), description: "test".into(), config, devices, profiles: None, source };
        client.create_instance(&new).await.unwrap();
        client.start_instance(name).await.unwrap();
        guest
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = Process::new("incus").env("INCUS_DIR", crate::lab()).args(["delete", "--force", &self.0]).output();
    }
}

#[tokio::test]
async fn commands_in_a_real_guest() {
    let client = client().await;
    let guest = Guest::start(&client, "hi-exec", BTreeMap::new()).await;
    let script = "cat; echo err >&2; exit 7";
    let finished = client.run(&guest.0, &["sh", "-c", script], b"in\n".to_vec()).await.unwrap();
    assert_eq!((finished.code, finished.stdout, finished.stderr), (7, b"in\n".to_vec(), b"err\n".to_vec()));
    let big = vec![b'x'; 3_000_000];
    assert_eq!(client.run(&guest.0, &["cat"], big.clone()).await.unwrap().stdout, big);
    // A command that does not read its input must not hang.
    assert_eq!(client.run(&guest.0, &["true"], big).await.unwrap().code, 0);
    assert!(client.run(&guest.0, &["nosuch"], vec![]).await.unwrap_err().is_command_not_found());
    let before = client.requests();
    let mut lines = Vec::new();
    client.run_lines(&guest.0, &["seq", "3"], vec![], |line| lines.push(line.to_owned())).await.unwrap();
    assert_eq!((lines.join(" ").as_str(), client.requests().reads - before.reads), ("1 2 3", 4));

    let session = client.exec(&guest.0, &Command::new(["sleep", "60"])).await.unwrap();
    session.signal(15).await;
    assert_eq!(session.wait().await.unwrap(), 143);
    let command =
        Command { user: 7, group: 9, cwd: Some("/tmp".into()), ..Command::new(["sh", "-c", "id -u; id -g; pwd"]) };
    let mut session = client.exec(&guest.0, &command).await.unwrap();
    assert_eq!(session.stdout.by_ref().collect::<Vec<_>>().await.concat(), b"7\n9\n/tmp\n");
    assert_eq!(session.wait().await.unwrap(), 0);

    client.freeze_instance(&guest.0).await.unwrap();
    assert!(client.run(&guest.0, &["true"], vec![]).await.unwrap_err().is_frozen());
    client.unfreeze_instance(&guest.0).await.unwrap();
}

/// Commands are so short that the daemon hangs up before its ping is answered; nothing they write may be lost.
#[tokio::test]
async fn many_short_commands_lose_nothing() {
    let client = client().await;
    let guest = Guest::start(&client, "hi-many", BTreeMap::new()).await;
    let runs = (0..100).map(|number| {
        let (client, name) = (client.clone(), guest.0.clone());
        async move {
            let text = number.to_string();
            let finished = client.run(&name, &["echo", &text], vec![]).await.unwrap();
            assert_eq!((finished.code, finished.stdout), (0, format!("{text}\n").into_bytes()));
        }
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test]
async fn a_terminal_in_a_real_guest() {
    let client = client().await;
    let guest = Guest::start(&client, "hi-tty", BTreeMap::new()).await;
    let script = "trap 'stty size; exit 3' WINCH; stty size; while :; do sleep 0.05; done";
    let command = Command { terminal: Some((80, 25)), ..Command::new(["bash", "-c", script]) };
    let mut session = client.exec(&guest.0, &command).await.unwrap();
    assert_eq!(session.stdout.next().await.unwrap(), "25 80\r\n");
    assert!(session.resize(132, 43).await);
    let ended = async {
        let written = session.stdout.by_ref().collect::<Vec<_>>().await.concat();
        (written, session.wait().await.unwrap())
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert_eq!(ended.expect("the session did not end"), (b"43 132\r\n".to_vec(), 3));
}

#[tokio::test]
async fn a_dropped_session_ends_its_command() {
    let client = client().await;
    let guest = Guest::start(&client, "hi-drop", BTreeMap::new()).await;
    let session = client.exec(&guest.0, &Command::new(["sleep", "4242"])).await.unwrap();
    let alive = async || client.run(&guest.0, &["pgrep", "-xf", "sleep 4242"], vec![]).await.unwrap().code == 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !alive().await {
        assert!(Instant::now() < deadline, "it never ran");
    }
    drop(session);
    while alive().await {
        assert!(Instant::now() < deadline, "it still runs");
    }
}

#[tokio::test]
async fn files_in_a_real_guest() {
    let client = client().await;
    let guest = Guest::start(&client, "hi-files", BTreeMap::new()).await;
    let attributes = FileAttributes { uid: 100, gid: 7, mode: 0o750 };
    client.make_directory(&guest.0, "/srv/hi/deep", &attributes).await.unwrap();
    let host = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(host.path(), vec![b'y'; 2_000_000]).unwrap();
    client.push_file(&guest.0, "/srv/hi/deep/f", &ROOT, FileBody::Bytes("old".into())).await.unwrap();
    client.push_file(&guest.0, "/srv/hi/deep/f", &attributes, FileBody::Host(host.path().into())).await.unwrap();
    let script =
        "stat -c '%u %g %a %s %n' /srv/hi /srv/hi/deep /srv/hi/deep/f | sed 's/ 6 / - /; s/ [0-9]* \\/srv\\/hi$/&/'";
    let shown = client.run(&guest.0, &["sh", "-c", script], vec![]).await.unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let owners: Vec<String> = shown.lines().map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(owners, ["0 0 755", "100 7 750", "100 7 750"], "{shown}");
    assert_eq!(client.read_file(&guest.0, "/srv/hi/deep/f").await.unwrap().unwrap().len(), 2_000_000);
    assert_eq!(client.read_file(&guest.0, "/srv/hi/none").await.unwrap(), None);
    let missing = client.push_file(&guest.0, "/srv/none/f", &ROOT, FileBody::Bytes("x".into())).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    assert!(client.read_file("hi-none", "/etc/hostname").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn events_tell_what_happens() {
    let client = client().await;
    let mut events = client.events(&["lifecycle"]).await.unwrap();
    let guest = Guest::start(&client, "hi-events", BTreeMap::new()).await;
    let started = async {
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if event.action() == Some("instance-started") && event.metadata["name"] == guest.0.as_str() {
                return;
            }
        }
        panic!("the stream ended");
    };
    tokio::time::timeout(Duration::from_secs(20), started).await.expect("no event came");
}
