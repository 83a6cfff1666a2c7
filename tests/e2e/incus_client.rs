//! The client against a real daemon. `crate::lab()` gives the lab's `INCUS_DIR`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Process;
use std::time::{Duration, Instant};

use distctl::incus::{
    Client, Command, Error, FileAttributes, FileBody, Instance, NewInstance, Places, Source, Status, Target,
};
use futures_util::StreamExt;

const BRIDGE: &str = "hi-br0";
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
        let new = NewInstance { name: name.into(), description: "test".into(), config, devices, profiles: None, source };
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
    let command = Command { user: 7, group: 9, cwd: Some("/tmp".into()), ..Command::new(["sh", "-c", "id -u; id -g; pwd"]) };
    let mut session = client.exec(&guest.0, &command).await.unwrap();
    assert_eq!(session.stdout.by_ref().collect::<Vec<_>>().await.concat(), b"7\n9\n/tmp\n");
    assert_eq!(session.wait().await.unwrap(), 0);

    client.freeze_instance(&guest.0).await.unwrap();
    assert!(client.run(&guest.0, &["true"], vec![]).await.unwrap_err().is_frozen());
    client.unfreeze_instance(&guest.0).await.unwrap();
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
    let script = "stat -c '%u %g %a %s %n' /srv/hi /srv/hi/deep /srv/hi/deep/f | sed 's/ 6 / - /; s/ [0-9]* \\/srv\\/hi$/&/'";
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
async fn networks_addresses_and_states() {
    let client = client().await;
    for name in ["hi-a", "hi-b"] {
        let _ = client.stop_instance(name, Duration::ZERO, true).await;
        let _ = client.delete_instance(name).await;
    }
    let _ = client.delete_network(BRIDGE).await;
    let config = [("ipv4.address", "10.61.0.1/24"), ("ipv4.dhcp.ranges", "10.61.0.200-10.61.0.250"), ("ipv6.address", "none")];
    let config = config.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    client.create_network(BRIDGE, "test", &config).await.unwrap();
    assert!(client.create_network(BRIDGE, "test", &config).await.unwrap_err().is_conflict());
    assert!(client.create_network("hi-br1", "test", &config).await.unwrap_err().is_address_in_use());
    let mut network = client.network(BRIDGE).await.unwrap();
    network.config.insert("user.hi".into(), "1".into());
    client.update_network(&network).await.unwrap();
    assert!(client.update_network(&network).await.unwrap_err().is_precondition_failed());

    let nic = [("type", "nic"), ("network", BRIDGE), ("name", "eth0"), ("ipv4.address", "10.61.0.10")];
    let nic: BTreeMap<String, String> = nic.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let first = Guest::start(&client, "hi-a", BTreeMap::from([("eth0".into(), nic.clone())])).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.instance_state(&first.0).await.unwrap().addresses("eth0") != ["10.61.0.10".parse::<std::net::IpAddr>().unwrap()] {
        assert!(Instant::now() < deadline, "no address");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(client.allocations().await.unwrap().iter().any(|taken| taken.address == "10.61.0.10/32"));
    clash(&client, &nic).await;
    assert!(client.delete_network(BRIDGE).await.unwrap_err().is_in_use());
    change(&client, &first.0).await;
    drop(first);
    client.delete_network(BRIDGE).await.unwrap();
}

/// A second container with the same address is made, and fails to start.
async fn clash(client: &Client, nic: &BTreeMap<String, String>) {
    let devices = BTreeMap::from([("eth0".into(), nic.clone())]);
    let source = Source::Alias("debian/12".into());
    let (name, description) = ("hi-b".to_owned(), String::new());
    let new = NewInstance { name, description, config: BTreeMap::new(), devices, profiles: None, source };
    client.create_instance(&new).await.unwrap();
    assert!(client.create_instance(&new).await.unwrap_err().is_conflict());
    let error = client.start_instance("hi-b").await.unwrap_err();
    assert!(error.is_address_in_use() && error.is_conflict(), "{error:?}");
    client.delete_instance("hi-b").await.unwrap();
    assert!(client.delete_instance("hi-b").await.unwrap_err().is_not_found());
    let missing = NewInstance { source: Source::Alias("hi/nosuch".into()), ..new };
    assert!(client.create_instance(&missing).await.unwrap_err().is_image_unavailable());
}

/// Changes configuration and state, and states that are there already are no error.
async fn change(client: &Client, name: &str) {
    let listed = client.instances_with_state().await.unwrap().into_iter().find(|one| one.name == name).unwrap();
    assert_eq!(listed.state.unwrap().status, Status::Running);
    let keys = BTreeMap::from([("user.hi".into(), Some("x".into())), ("boot.autostart".into(), None)]);
    client.patch_instance(name, &keys, &BTreeMap::new(), "still").await.unwrap();
    let mut instance: Instance = client.instance(name).await.unwrap();
    assert_eq!((instance.description.as_str(), instance.config["user.hi"].as_str()), ("still", "x"));
    assert!(!instance.config.contains_key("boot.autostart"));
    instance.config.remove("user.hi");
    client.update_instance(&instance).await.unwrap();
    assert!(client.update_instance(&instance).await.unwrap_err().is_precondition_failed());
    client.start_instance(name).await.unwrap();
    client.restart_instance(name, Duration::from_secs(30)).await.unwrap();
    assert!(client.delete_instance(name).await.unwrap_err().is_running());
    client.stop_instance(name, Duration::from_secs(30), true).await.unwrap();
    client.stop_instance(name, Duration::from_secs(30), false).await.unwrap();
    assert!(client.run(name, &["true"], vec![]).await.unwrap_err().is_not_running());
    assert!(!client.instance_log(name).await.unwrap().contains('\0'));
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

/// A port of 127.0.0.1 is only there inside the lab's network, so the test runs itself again in it.
#[test]
fn a_remote_over_https() {
    let name = crate::lab().parent().and_then(Path::file_name).unwrap().to_owned();
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/lab");
    let output = Process::new(lab)
        .arg("--name")
        .arg(name)
        .arg("exec")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "incus_client::inside_the_lab"])
        .env("HI_DAEMON_DIR", crate::lab())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Makes a remote with a trust token, as a user would, and works over it.
#[tokio::test]
#[ignore = "run by a_remote_over_https, inside the lab's network"]
async fn inside_the_lab() {
    let directory = std::path::PathBuf::from(std::env::var_os("HI_DAEMON_DIR").unwrap());
    let config = tempfile::tempdir().unwrap();
    let incus = |own: bool, args: &[&str]| {
        let mut process = Process::new("incus");
        process.env_remove("INCUS_SOCKET").env("INCUS_DIR", &directory).args(args);
        if own {
            process.env("INCUS_CONF", config.path());
        }
        let output = process.stdin(std::process::Stdio::null()).output().unwrap();
        assert!(output.status.success(), "incus {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    incus(false, &["config", "set", "core.https_address", "127.0.0.1:18461"]);
    let token = incus(false, &["config", "trust", "add", "hi-test", "--quiet"]);
    incus(true, &["remote", "add", "hi", token.trim()]);
    let places = Places { config: Some(config.path().into()), ..Places::default() };
    let client = Client::connect_from(&places, &target(Some("hi"))).await.unwrap();
    assert_eq!(client.address(), "https://127.0.0.1:18461");
    let guest = Guest::start(&client, "hi-tls", BTreeMap::new()).await;
    let finished = client.run(&guest.0, &["sh", "-c", "cat; exit 4"], vec![b'z'; 500_000]).await.unwrap();
    assert_eq!((finished.code, finished.stdout.len()), (4, 500_000));
    client.push_file(&guest.0, "/etc/hi", &ROOT, FileBody::Bytes("tls".into())).await.unwrap();
    assert_eq!(client.read_file(&guest.0, "/etc/hi").await.unwrap().unwrap(), b"tls");
    drop(guest);

    let fingerprint = incus(false, &["config", "trust", "list", "--format", "csv", "--columns", "nf"]);
    let own = fingerprint.lines().find_map(|line| line.strip_prefix("hi-test,")).unwrap();
    incus(false, &["config", "trust", "remove", own]);
    let error = Client::connect_from(&places, &target(Some("hi"))).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    incus(false, &["config", "unset", "core.https_address"]);
}
