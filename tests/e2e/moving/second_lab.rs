//! The product platform, brought up in a second lab beside the first.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::beside;
use crate::harness::{Lab, Ran, lab};
use crate::platform::{CONTAINERS, Platform, platform};

const DIGESTS: &str = include_str!("digests.py");

/// Logs in as the administrator by the page's form, and tells what came of it.
const LOGIN: &str = r#"
jar=$(mktemp); trap 'rm "$jar"' EXIT
csrf=$(curl -s -c "$jar" "$1/login" | grep -o 'name="csrf" value="[^"]*"' | cut -d '"' -f 4)
curl -s -b "$jar" -o /dev/null -w '%{http_code} %{redirect_url}' --data-urlencode "csrf=$csrf" \
  --data-urlencode username=admin --data-urlencode "password=$2" "$1/login"
"#;

/// Listens where the page will, until its standard input ends.
const HOLDER: &str =
    "import socket, sys\nport = socket.create_server(('127.0.0.1', 18099))\nprint(flush=True)\nsys.stdin.read()";

/// A lab beside the tests' own; gone after the test.
struct Second {
    name: String,
}

impl Second {
    fn start() -> Self {
        let second = Self { name: format!("{}-2", lab().state().file_name().unwrap().to_str().unwrap()) };
        for command in ["destroy", "start", "image"] {
            Ran::of(&mut second.lab(command)).ended_with(0);
        }
        second
    }

    fn lab(&self, command: &str) -> Command {
        let mut lab = Command::new(Lab::project_file("lab/lab"));
        lab.args(["--name", &self.name, command]);
        lab
    }

    /// A command that finds this lab's Incus.
    fn reach(&self, mut command: Command) -> Command {
        let state = lab().state().with_file_name(&self.name);
        let (dir, socket) = (state.join("incus"), state.join("incus/unix.socket"));
        command.env("INCUS_DIR", dir).env("INCUS_SOCKET", socket).env("INCUS_CONF", state.join("conf"));
        command
    }

    /// A command in its network.
    fn inside(&self, program: &str) -> Command {
        let mut command = self.lab("exec");
        command.arg(program);
        command
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        Ran::of(&mut self.lab("destroy"));
    }
}

/// A hash of all documents of each database, as who can read them all sees them.
#[track_caller]
fn digests(mut command: Command, platform: &Platform) -> Value {
    let uri = |container: &str, owner: &str, hosts: &[String], set: &str| {
        let password = platform.system.secret(container, &format!("{owner}.admin"));
        format!("mongodb://admin:{password}@{}/?authSource=admin&{set}", hosts.join(","))
    };
    let set = |last: u8| (27017..27020).map(|port| platform.system.host(last, port)).collect::<Vec<_>>();
    command.args(["-c", DIGESTS]).args([
        uri("db1", "rsA", &set(12), "replicaSet=rsA"),
        uri("db2", "rsB", &set(13), "replicaSet=rsB"),
        uri("db3", "users", &[platform.system.host(14, 27017)], "directConnection=true"),
    ]);
    serde_json::from_str(&Ran::of(&mut command).ended_with(0).stdout).unwrap()
}

#[test]
fn the_platform_moves_to_another_lab_with_all_it_has() {
    let platform = platform();
    for (set, letters) in [("rsA", "ABKM"), ("rsB", "NSYZ")] {
        let insert = format!(
            "client.products_db.products.insert_many([{{'name': letter + 'x%05d' % n, 'price': n, 'stock': 1}} \
             for letter in '{letters}' for n in range(500)])\nout(1)"
        );
        platform.admin(set).run(&insert);
    }
    let bundle = beside(&platform.system, "platform.distctl");
    let path = bundle.to_str().unwrap();
    platform.system.distctl(&["export", path]).ended_with(0);
    let python = Ran::of(&mut Command::new(Lab::project_file("lab/pymongo"))).ended_with(0);
    let python = format!("{}/python3", python.stdout.trim());
    let original = digests(lab().inside(&python), &platform);
    let password = platform.system.distctl(&["secret", "show", "admin"]).ended_with(0).stdout;

    let second = Second::start();
    let folder: PathBuf = beside(&platform.system, "second");
    let distctl = |arguments: &[&str]| {
        let mut command = second.reach(Command::new(Lab::distctl()));
        Ran::of(command.args(["--yes", "--progress", "plain"]).args(arguments))
    };
    let incus = |arguments: &[&str]| Ran::of(second.reach(Command::new("incus")).args(arguments)).ended_with(0).stdout;
    incus(&["storage", "create", "other", "dir"]);
    let places = ["--listen", "127.0.0.1:18001=127.0.0.1:18099", "--pool", "other"];
    let import = ["import", path, "--into", folder.to_str().unwrap()];
    incus(&["storage", "create", "tiny", "btrfs", "size=1GiB"]);
    let tiny = distctl(&[import.as_slice(), &["--pool", "tiny"]].concat()).ended_with(1);
    tiny.says(&["the pool tiny has", "are needed", "nothing was changed"]);
    assert_eq!(incus(&["list", "--format", "csv"]), "");
    assert!(!folder.exists(), "what was refused leaves nothing behind");
    // Somebody has the port.
    let mut holder =
        second.inside(&python).args(["-c", HOLDER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let taken = distctl(&[import.as_slice(), &places].concat()).ended_with(1);
    taken.says(&["plat-web", "18099", "--resume"]);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    distctl(&[import.as_slice(), &places, &["--resume"]].concat()).ended_with(0).says(&["is up and verified"]);
    for name in CONTAINERS {
        assert_eq!(
            incus(&["config", "device", "get", &platform.system.container(name), "root", "pool"]).trim(),
            "other"
        );
    }
    let file = folder.join("topology.yaml");
    let there = |arguments: &[&str]| distctl(&[&["--file", file.to_str().unwrap()], arguments].concat());
    there(&["plan", "--exit-code"]).ended_with(0);
    there(&["verify"]).ended_with(0);
    assert_eq!(digests(second.inside(&python), &platform), original, "every document came along");

    // By the page that it listens on now, as the administrator who was made in the other lab.
    let login = |password: &str| {
        let mut shell = second.inside("bash");
        shell.args(["-c", LOGIN, "login", "http://127.0.0.1:18099", password.trim()]);
        Ran::of(&mut shell).ended_with(0).stdout
    };
    assert_eq!(login(&password).trim(), "303 http://127.0.0.1:18099/dashboard");
    assert_eq!(login("no es la clave").trim(), "401");
    let reports = folder.join("reports");
    let test = ["failover-test", "rsA", "--fault", "kill", "--hold", "1s", "--report", reports.to_str().unwrap()];
    there(&test).ended_with(0);
}
