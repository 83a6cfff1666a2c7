//! What goes wrong while a system is moved: an interruption, the daemon, the disk, somebody else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::beside;
use crate::harness::{Lab, Mongo, Ran, Running, System, lab, wait_until};

/// A disk of its own, of some megabytes, that is gone after the test.
struct Disk(PathBuf);

impl Disk {
    fn new(place: PathBuf, megabytes: u32) -> Self {
        std::fs::create_dir(&place).unwrap();
        let disk = Self(place);
        disk.mount(&format!("size={megabytes}m"));
        disk
    }

    fn grow(&self, megabytes: u32) {
        self.mount(&format!("remount,size={megabytes}m"));
    }

    fn mount(&self, options: &str) {
        Ran::of(Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&self.0)).ended_with(0);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Ran::of(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

/// distctl on a topology that an import has written.
fn there(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(Lab::distctl());
    command.arg("--file").arg(folder.join("topology.yaml")).args(["--yes", "--progress", "plain"]).args(arguments);
    Ran::of(&mut command)
}

/// Waits until it packs or unpacks.
#[track_caller]
fn is_under_way(running: &mut Running) {
    assert!(running.said(|line| line.contains("pack luck-db")), "it does nothing");
}

fn kill_the_daemon() {
    // In the lab's own process namespace.
    Ran::of(lab().inside("sh").args(["-c", "kill -9 $(pidof incusd)"])).ended_with(0);
    wait_until("the daemon is back", Duration::from_secs(60), || lab().try_incus(&["query", "/1.0"]).code == Some(0));
}

#[test]
fn whatever_breaks_it_off_it_goes_on() {
    let system = System::single("luck", 45);
    system.up();
    system.main().run("client.story.kept.insert_one({'_id': 8})\nout(1)");
    let file = beside(&system, "luck.distctl");
    let path = file.to_str().unwrap();

    // The daemon dies while it packs; somebody else exports at the same time.
    let mut export = system.start(&["export", path]);
    is_under_way(&mut export);
    let second = system.distctl(&["export", beside(&system, "second.distctl").to_str().unwrap()]).ended_with(1);
    second.says(&["--lock-wait"]);
    kill_the_daemon();
    let broken = export.end();
    if broken.code != Some(0) {
        broken.ended_with(1).says(&["--resume"]);
        system.distctl(&["export", path, "--resume", "--lock-wait", "1m"]).ended_with(0);
    }
    system.distctl(&["bundle", "verify", path]).ended_with(0);
    assert_eq!(lab().query("/1.0/instances/luck-db/snapshots"), json!([]));
    assert_eq!(system.containers(), ["luck-db"]);

    a_disk_gets_full(&system, std::fs::metadata(&file).unwrap().len());
    through_a_pipe(&system);
    beside_the_original(&system, path);

    // An import is interrupted; then the daemon dies under it.
    system.distctl(&["destroy"]).ended_with(0);
    let into = beside(&system, "again");
    let import = ["import", path, "--into", into.to_str().unwrap()];
    let mut interrupted = system.start(&import);
    is_under_way(&mut interrupted);
    interrupted.signal("INT");
    interrupted.end().ended_with(130).says(&["--resume"]);
    let resume = [import.as_slice(), &["--resume"]].concat();
    let mut killed = system.start(&resume);
    is_under_way(&mut killed);
    kill_the_daemon();
    let killed = killed.end();
    if killed.code != Some(0) {
        killed.ended_with(1).says(&["--resume"]);
        system.distctl(&[resume.as_slice(), &["--lock-wait", "1m"]].concat()).ended_with(0);
    }
    there(&into, &["plan", "--exit-code"]).ended_with(0);
    assert_eq!(system.main().eval("client.story.kept.find_one()"), json!({"_id": 8}));
    system.distctl(&resume).ended_with(1).says(&["there is a container luck-db already"]);

    // The topology has a container that is not there.
    system.edit("  luck-db:", "  luck-new: { ipv4: 10.61.45.12 }\n  luck-db:");
    let more = beside(&system, "more.distctl");
    system.distctl(&["export", more.to_str().unwrap()]).ended_with(1).says(&["luck-new", "distctl up"]);
    assert!(!more.exists());
}

/// Full before it begins, and full half-way.
fn a_disk_gets_full(system: &System, size: u64) {
    let disk = Disk::new(beside(system, "disk"), 4);
    let path = disk.0.join("full.distctl");
    let export = ["export", path.to_str().unwrap()];
    system.distctl(&export).ended_with(1).says(&["4.2 MB free", "at least"]);
    let nearly = u32::try_from(size / 1_000_000 * 9 / 10).unwrap();
    disk.grow(nearly);
    let full = system.distctl(&export).ended_with(1).says(&[
        "full.distctl.partial can't be written",
        "No space left",
        "--resume",
    ]);
    assert!(!path.exists(), "{}", full.all());
    assert_eq!(system.containers(), ["luck-db"], "no clone is left");
    disk.grow(4 * nearly);
    system.distctl(&[export.as_slice(), &["--resume"]].concat()).ended_with(0);
    system.distctl(&["bundle", "verify", disk.0.to_str().unwrap()]).ended_with(0);
    assert_eq!(lab().query("/1.0/instances/luck-db/snapshots"), json!([]));
}

/// In the same project, where names and addresses are taken.
fn beside_the_original(system: &System, bundle: &str) {
    let into = beside(system, "beside");
    let import =
        ["import", bundle, "--into", into.to_str().unwrap(), "--name", "lucktwo", "--subnet", "10.61.145.0/24"];
    let wrong = [import.as_slice(), &["--map", "mian=other"]].concat();
    let known = "no container, replica set or mongod mian; there are luck-db, main";
    system.distctl(&wrong).ended_with(1).says(&[known, "nothing was changed"]);
    let circle = [import.as_slice(), &["--map", "main=other", "--map", "other=main"]].concat();
    system.distctl(&circle).ended_with(1).says(&["main can't be called other", "nothing was changed"]);
    assert!(!into.exists());
    system.distctl(&import).ended_with(1).says(&["there is a container luck-db already"]);
    assert!(!into.exists(), "what was refused leaves nothing behind");
    let mapped = [import.as_slice(), &["--map", "luck-db=luck-two", "--map", "main=second"]].concat();
    system.distctl(&mapped).ended_with(0).says(&["is up and verified"]);
    there(&into, &["plan", "--exit-code"]).ended_with(0);
    system.plan(0);
    assert_eq!(lab().guest("luck-two", "hostname").trim(), "luck-two");
    let password = lab().guest("luck-two", "cat /var/lib/distctl/secrets/second.admin");
    assert!(!lab().guest("luck-two", "ls /var/lib/distctl/secrets /etc/distctl").contains("main."), "old names");
    let copy = Mongo::direct("10.61.145.11:27017").login("admin", password.trim());
    assert_eq!(copy.eval("client.story.kept.find_one()"), json!({"_id": 8}));
    there(&into, &["destroy"]).ended_with(0);
    system.plan(0);
}

/// Out of one process and into another, with the system stopped meanwhile.
fn through_a_pipe(system: &System) {
    let export = system.command(&["export", "-", "--stop"]);
    let quoted = std::iter::once(export.get_program()).chain(export.get_args()).map(|part| part.to_str().unwrap());
    let pipe = format!("{} | {} bundle show -", quoted.collect::<Vec<_>>().join(" "), Lab::distctl().display());
    Ran::of(Command::new("bash").args(["-o", "pipefail", "-c", &pipe])).ended_with(0).says(&["luck of", "stopped"]);
    system.plan(0);
}
