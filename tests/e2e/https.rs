//! A remote over HTTPS, added with a trust token as a user would.

use std::path::Path;
use std::process::Command;

use crate::harness::{Lab, Ran, System, lab};

/// Runs distctl with a configuration of the user's own, inside the lab: only there is the port.
fn over_https(system: &System, config: &Path, arguments: &[&str]) -> Ran {
    let mut command = with_configuration(config);
    command.arg(Lab::distctl()).arg("--file").arg(system.folder().join("topology.yaml"));
    Ran::of(command.args(["--yes", "--remote", "story"]).args(arguments))
}

/// A command inside the lab; `lab exec` sets the lab's own configuration, so this one is set behind it.
fn with_configuration(config: &Path) -> Command {
    let mut command = lab().inside("env");
    command.args(["-u", "INCUS_SOCKET", "-u", "INCUS_DIR"]).arg(format!("INCUS_CONF={}", config.display()));
    command
}

#[test]
fn a_system_on_a_remote() {
    let system = System::single("https", 42);
    let config = tempfile::tempdir().unwrap();
    lab().incus(&["config", "set", "core.https_address", "127.0.0.1:18462"]);
    let token = lab().incus(&["config", "trust", "add", "story", "--quiet"]);
    Ran::of(with_configuration(config.path()).args(["incus", "remote", "add", "story", token.trim()])).ended_with(0);

    over_https(&system, config.path(), &["plan", "--exit-code"]).ended_with(2).says(&["create container https-db"]);
    over_https(&system, config.path(), &["up"]).ended_with(0);
    over_https(&system, config.path(), &["plan", "--exit-code"]).ended_with(0);
    over_https(&system, config.path(), &["status"]).ended_with(0).says(&["https-db", "standalone"]);
    assert_eq!(system.main().eval("client.admin.command('ping')['ok']"), 1.0);

    // There and back again.
    system.main().run("client.story.kept.insert_one({'_id': 9})\nout(1)");
    let (bundle, into) = (system.folder().join("https.distctl"), system.folder().join("again"));
    let (bundle, into) = (bundle.to_str().unwrap(), into.to_str().unwrap());
    over_https(&system, config.path(), &["export", bundle]).ended_with(0);
    over_https(&system, config.path(), &["destroy"]).ended_with(0);
    over_https(&system, config.path(), &["import", bundle, "--into", into]).ended_with(0).says(&["is up and verified"]);
    assert_eq!(system.main().eval("client.story.kept.find_one()['_id']"), 9);

    let pinned = config.path().join("servercerts/story.crt");
    let another = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem();
    std::fs::write(&pinned, another).unwrap();
    over_https(&system, config.path(), &["plan"]).ended_with(1).says(&["certificate", "not the one that was stored"]);
    lab().incus(&["config", "unset", "core.https_address"]);
}
