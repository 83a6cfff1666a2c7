//! A real daemon over HTTPS.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Process;

use distctl::incus::{Client, Error, FileBody, Places};

use super::{Guest, ROOT, target};

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
        .args(["--exact", "--ignored", "--nocapture", "incus_client::remote::inside_the_lab"])
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
