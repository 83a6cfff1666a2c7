//! A remote over HTTPS, added with a trust token as a user would.

use std::path::Path;

use crate::harness::{Lab, Ran, System, lab};

/// Runs distctl with a configuration of the user's own, inside the lab: only there is the port.
fn over_https(system: &System, config: &Path, arguments: &[&str]) -> Ran {
    let mut command = lab().inside(Lab::distctl());
    command.arg("--file").arg(system.folder().join("topology.yaml")).args(["--yes", "--remote", "story"]);
    command.args(arguments).env("INCUS_CONF", config).env_remove("INCUS_SOCKET").env_remove("INCUS_DIR");
    Ran::of(&mut command)
}

#[test]
fn a_system_on_a_remote() {
    let system = System::single("https", 42);
    let config = tempfile::tempdir().unwrap();
    lab().incus(&["config", "set", "core.https_address", "127.0.0.1:18462"]);
    let token = lab().incus(&["config", "trust", "add", "story", "--quiet"]);
    let mut add = lab().inside("incus");
    Ran::of(add.args(["remote", "add", "story", token.trim()]).env("INCUS_CONF", config.path())).ended_with(0);

    over_https(&system, config.path(), &["plan", "--exit-code"]).ended_with(2).says(&["create container https-db"]);
    over_https(&system, config.path(), &["up"]).ended_with(0);
    over_https(&system, config.path(), &["plan", "--exit-code"]).ended_with(0);
    over_https(&system, config.path(), &["status"]).ended_with(0).says(&["https-db", "standalone"]);
    assert_eq!(system.main().eval("client.admin.command('ping')['ok']"), 1.0);

    let pinned = config.path().join("servercerts/story.crt");
    let another = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem();
    std::fs::write(&pinned, another).unwrap();
    over_https(&system, config.path(), &["plan"]).ended_with(1).says(&["certificate", "story"]);
    lab().incus(&["config", "unset", "core.https_address"]);
}
