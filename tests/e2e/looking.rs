//! Commands that look and work inside: `exec`, `logs`, `shell`, `top`, `doctor`, `restart`, on the platform that all share.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Ran, wait_until};
use crate::platform::{Platform, platform};

/// What a command gives as JSON, one value a line.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

fn json(platform: &Platform, arguments: &[&str], code: i32) -> Value {
    let ran = platform.system.distctl(&[&["--output", "json"], arguments].concat()).ended_with(code);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ran.all()))
}

#[test]
fn a_command_keeps_its_output_its_errors_its_input_and_its_exit_code() {
    let platform = platform();
    let script = "cat; echo to $NAME from $PWD as $(id -un) >&2; exit 7";
    let arguments =
        ["exec", "--user", "mongodb", "--cwd", "/srv", "--env", "NAME=you", "plat-db1", "--", "sh", "-c", script];
    let mut command = platform.system.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"piped in").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"piped in");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "to you from /srv as mongodb\n");
    platform.system.distctl(&["exec", "nobody", "--", "true"]).ended_with(1).says(&["nobody", "plat-db1"]);
}

#[test]
fn logs_are_one_stream_in_the_order_of_time() {
    let platform = platform();
    platform.system.guest("db1", "logger --tag story 'a line of the journal'");
    let ran = platform.system.distctl(&["--output", "json", "logs", "plat-db1", "--lines", "20"]).ended_with(0);
    let entries = lines(&ran);
    let sources: std::collections::BTreeSet<&str> =
        entries.iter().filter_map(|entry| entry["source"].as_str()).collect();
    for source in ["plat-db1", "plat-db1/mongod-27017", "plat-db1/mongod-27018", "plat-db1/mongod-27019"] {
        assert!(sources.contains(source), "{source} is not among {sources:?}");
    }
    let times: Vec<jiff::Timestamp> = entries.iter().filter_map(|entry| entry["time"].as_str()?.parse().ok()).collect();
    assert!(times.len() > 20 && times.is_sorted(), "{times:?}");
    assert!(entries.iter().any(|entry| entry["message"].as_str().is_some_and(|said| said.contains("a line of the"))));
    platform.system.distctl(&["logs", "rsX"]).ended_with(1).says(&["rsX", "rsA", "plat-db1"]);
}

#[test]
fn logs_are_followed_until_a_signal() {
    let platform = platform();
    let shown = platform.system.folder().join("followed");
    let mut command = platform.system.command(&["logs", "plat-db3", "--lines", "0", "--follow"]);
    command.stdin(Stdio::null()).stdout(File::create(&shown).unwrap()).stderr(Stdio::null());
    let mut following = command.spawn().unwrap();
    wait_until("a new line is shown", Duration::from_secs(30), || {
        platform.system.guest("db3", "logger --tag story 'a line while it follows'");
        std::fs::read_to_string(&shown).unwrap().contains("a line while it follows")
    });
    Ran::of(Command::new("kill").args(["-INT", &following.id().to_string()])).ended_with(0);
    assert_eq!(following.wait().unwrap().code(), Some(130));
}

/// No mongosh is in the lab's image: a script in its place shows how it is called.
#[test]
fn a_shell_gets_the_password_from_a_file_in_the_guest() {
    let platform = platform();
    platform.system.distctl(&["shell", "mongo", "rsA"]).ended_with(1).says(&["mongosh", "plat-db1", "Hint:"]);
    let mongosh = "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/cmdline\n";
    platform
        .system
        .guest("db1", &format!("printf '{mongosh}' > /usr/local/bin/mongosh; chmod 755 /usr/local/bin/mongosh"));
    let ran = platform.system.distctl(&["shell", "mongo", "rsA", "--", "--eval", "1"]).ended_with(0).says(&["--eval"]);
    let secret = platform.system.secret("db1", "rsA.admin");
    platform.system.guest("db1", "rm /usr/local/bin/mongosh");
    assert!(!ran.all().contains(secret.trim()), "the password is in no list of processes: {}", ran.all());
    platform.system.distctl(&["shell", "mongo", "rsX"]).ended_with(1).says(&["rsX", "rsA"]);
}

#[test]
fn top_shows_one_picture_without_a_terminal() {
    let platform = platform();
    let picture = json(&platform, &["top", "--once"], 0);
    let text = picture.to_string();
    for name in ["plat-db1", "plat-web", "mongod-27019", "PRIMARY", "SECONDARY"] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[test]
fn status_tells_programs_what_it_tells_people() {
    let platform = platform();
    let status = json(&platform, &["status"], 0);
    assert_eq!(status.to_string().matches("\"PRIMARY\"").count(), 2, "{status}");
    platform.system.guest("db3", "systemctl stop mongod-27017");
    let status = json(&platform, &["status"], 3);
    assert!(status.to_string().contains("\"down\""), "{status}");
    platform.system.up();
}

#[test]
fn doctor_finds_nothing_wrong_and_names_what_is() {
    let platform = platform();
    let find = |wanted: &str| {
        let ran = platform.system.distctl(&["--output", "json", "doctor"]);
        assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.all());
        let checks: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(!checks.to_string().contains("\"failure\""), "{checks}");
        checks.to_string().contains(wanted)
    };
    assert!(find("with every API extension"));
    assert!(!find("systemd is degraded"));
    platform.system.guest("web", "systemd-run --quiet --unit story false || true");
    wait_until("doctor tells of the failed unit", Duration::from_secs(30), || find("systemd is degraded"));
    platform.system.guest("web", "systemctl reset-failed");
}

#[test]
fn a_standalone_and_a_container_are_restarted_on_request() {
    let platform = platform();
    let started = |unit: &str| platform.system.guest("db3", &format!("systemctl show --value -p MainPID {unit}"));
    let (mongod, resolver) = (started("mongod-27017"), started("systemd-networkd"));
    platform.system.distctl(&["restart", "users"]).ended_with(0);
    assert_ne!(started("mongod-27017"), mongod);
    assert_eq!(started("systemd-networkd"), resolver, "the container itself goes on");
    let boot = |name: &str| platform.system.guest(name, "stat -c %Y /proc/1");
    let before = boot("db3");
    platform.system.distctl(&["restart", "plat-db3"]).ended_with(0);
    assert_ne!(boot("db3"), before);
    platform.system.plan(0);
    platform.system.distctl(&["restart", "nothing"]).ended_with(1).says(&["nothing", "users"]);
}
