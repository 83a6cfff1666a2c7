//! Incus's own web interface: on, with a browser's certificate, and off again.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Lab, Ran, System, lab};

/// One container with nothing inside; nothing else in the lab listens on this port.
const PLAIN: &str = "containers: { NAME-web: { ipv4: NET.10 } }\n";
const UI: &str = "incus_ui: { listen: \"127.0.0.1:18463\" }\n";
const MARKER: &str = "user.distctl.ui.default.incusui";

/// A system whose certificates lie in a folder of the story's own.
struct Story {
    system: System,
    data: tempfile::TempDir,
}

impl Story {
    fn distctl(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.system.command(arguments).env("XDG_DATA_HOME", self.data.path()))
    }

    /// Runs distctl inside the lab, where the listener is, on a remote of this configuration.
    fn over_https(&self, configuration: &Path, arguments: &[&str]) -> Ran {
        let mut command = inside(configuration, "env");
        command.arg(format!("XDG_DATA_HOME={}", self.data.path().display())).arg(Lab::distctl());
        command.arg("--file").arg(self.system.folder().join("topology.yaml"));
        Ran::of(command.args(["--yes", "--progress", "plain", "--remote", "story"]).args(arguments))
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.data.path().join(format!("distctl/ui/incusui.{ending}"))
    }

    /// What the daemon says of itself to somebody who comes in over HTTPS, with a certificate or without.
    fn root(&self, certificate: Option<&Path>) -> Ran {
        let mut command = lab().inside("curl");
        command.args(["--silent", "--show-error", "--insecure", "--max-time", "10"]);
        if let Some(certificate) = certificate {
            command.args(["--cert-type", "P12", "--cert"]);
            let password = std::fs::read_to_string(self.file("password")).unwrap();
            command.arg(format!("{}:{}", certificate.display(), password.trim()));
        }
        Ran::of(command.arg("https://127.0.0.1:18463/1.0"))
    }
}

/// Whatever happens, the stories after this one find the lab as it was.
impl Drop for Story {
    fn drop(&mut self) {
        lab().try_incus(&["config", "unset", "core.https_address"]);
        lab().try_incus(&["config", "unset", MARKER]);
        for fingerprint in trusted() {
            lab().try_incus(&["config", "trust", "remove", &fingerprint]);
        }
    }
}

/// A command inside the lab that reaches the daemon as this configuration of a user says.
fn inside(configuration: &Path, program: &str) -> Command {
    let mut command = lab().inside("env");
    command.args(["-u", "INCUS_SOCKET", "-u", "INCUS_DIR"]);
    command.arg(format!("INCUS_CONF={}", configuration.display())).arg(program);
    command
}

fn auth(ran: Ran) -> Value {
    let root: Value = serde_json::from_str(&ran.ended_with(0).stdout).unwrap();
    root["metadata"]["auth"].clone()
}

fn settings() -> (Value, Value) {
    let config = lab().query("/1.0")["config"].clone();
    (config["core.https_address"].clone(), config[MARKER].clone())
}

/// Names and fingerprints of the topology's certificates that the daemon trusts.
fn trusted() -> Vec<String> {
    let all = lab().query("/1.0/certificates?recursion=1");
    let ours = all.as_array().unwrap().iter().filter(|one| one["name"] == "distctl-ui-incusui");
    ours.map(|one| one["fingerprint"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_browser_gets_in_and_out_again() {
    let story = Story { system: System::declare("incusui", 63, PLAIN), data: tempfile::tempdir().unwrap() };
    story.distctl(&["up"]).ended_with(0);
    story.system.rewrite(&format!("{PLAIN}{UI}"));
    let plan = story.distctl(&["plan", "--exit-code"]).ended_with(2);
    plan.says(&["turn on Incus's HTTPS listener at 127.0.0.1:18463", "trust browser certificate distctl-ui-incusui"]);
    let up = story.distctl(&["up"]).ended_with(0);
    let server = lab().query("/1.0")["environment"]["certificate_fingerprint"].as_str().unwrap().to_uppercase();
    let shown = up.stderr.replace(':', "");
    assert!(shown.contains(&server), "no {server} in {}", up.stderr);
    up.says(&["https://127.0.0.1:18463/ui/", "not installed", story.file("p12").to_str().unwrap()]);
    assert_eq!(auth(story.root(Some(&story.file("p12")))), "trusted");
    assert_eq!(auth(story.root(None)), "untrusted");
    story.distctl(&["plan", "--exit-code"]).ended_with(0);
    assert_eq!((settings(), trusted().len()), (("127.0.0.1:18463".into(), "127.0.0.1:18463".into()), 1));

    // Another program reads the file, and finds in it what the daemon trusts.
    let password = format!("file:{}", story.file("password").display());
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs12", "-info", "-nodes", "-passin", &password, "-in"]).arg(story.file("p12"));
    Ran::of(&mut openssl).ended_with(0).says(&["PRIVATE KEY", "CN = distctl incusui", "PBES2"]);

    // A lost file: a new certificate, and the old one is worth nothing any more.
    let lost = story.data.path().join("lost.p12");
    std::fs::rename(story.file("p12"), &lost).unwrap();
    let before = trusted();
    story.distctl(&["up"]).ended_with(0).says(&["its file is gone"]);
    assert!(trusted().len() == 1 && trusted() != before, "{:?}", trusted());
    assert_eq!(auth(story.root(Some(&story.file("p12")))), "trusted");

    story.system.rewrite(PLAIN);
    story.distctl(&["plan", "--exit-code"]).ended_with(2).says(&["turn off Incus's HTTPS listener"]);
    story.distctl(&["up"]).ended_with(0);
    assert_eq!((settings(), trusted().len()), ((Value::Null, Value::Null), 0));
    assert_ne!(story.root(None).code, Some(0), "the listener is still open");
    assert!(!story.file("p12").exists() && !story.file("password").exists());
    story.distctl(&["plan", "--exit-code"]).ended_with(0);
}

#[test]
fn the_listener_of_others_outlives_the_topology() {
    let body = format!("{PLAIN}{UI}");
    let story = Story { system: System::declare("incusui", 63, &body), data: tempfile::tempdir().unwrap() };
    lab().incus(&["config", "set", "core.https_address", ":18464"]);
    story.distctl(&["up"]).ended_with(1).says(&["Incus listens at :18464", "and not at 127.0.0.1:18463"]);
    lab().incus(&["config", "set", "core.https_address", ":18463"]);
    story.distctl(&["up"]).ended_with(0).says(&["use Incus's HTTPS listener at :18463"]);
    assert_eq!(auth(story.root(Some(&story.file("p12")))), "trusted");
    assert_eq!(settings(), (":18463".into(), "shared".into()));
    story.distctl(&["destroy"]).ended_with(0).says(&["leave Incus's HTTPS listener to others"]);
    assert_eq!((settings(), trusted().len()), ((":18463".into(), Value::Null), 0));
    assert_eq!(auth(story.root(None)), "untrusted");
}

#[test]
fn a_run_that_comes_in_by_the_listener_leaves_it_on() {
    let body = format!("{PLAIN}{UI}");
    let story = Story { system: System::declare("incusui", 63, &body), data: tempfile::tempdir().unwrap() };
    story.distctl(&["up"]).ended_with(0);
    let configuration = tempfile::tempdir().unwrap();
    let token = lab().incus(&["config", "trust", "add", "incusui-story", "--quiet"]);
    Ran::of(inside(configuration.path(), "incus").args(["remote", "add", "story", token.trim()])).ended_with(0);
    story.over_https(configuration.path(), &["plan", "--exit-code"]).ended_with(0);

    story.system.rewrite(PLAIN);
    let off = story.over_https(configuration.path(), &["up"]).ended_with(3);
    off.says(&["can't be turned off by a run that comes in through it", "without `--remote`"]);
    assert_eq!((settings(), trusted().len()), (("127.0.0.1:18463".into(), "127.0.0.1:18463".into()), 0));

    // Somebody who may not see the daemon's settings can't tell whose listener it is.
    story.system.rewrite(&body);
    let mine = lab().query("/1.0/certificates?recursion=1");
    let mine = mine.as_array().unwrap().iter().find(|one| one["name"] == "incusui-story").unwrap();
    let mine = format!("/1.0/certificates/{}", mine["fingerprint"].as_str().unwrap());
    lab().incus(&["query", "-X", "PATCH", "-d", r#"{"restricted": true, "projects": ["default"]}"#, &mine]);
    let hidden = story.over_https(configuration.path(), &["plan", "--exit-code"]).ended_with(3);
    hidden.says(&["does not show its settings", "who may administer Incus"]);

    story.system.rewrite(PLAIN);
    story.distctl(&["up"]).ended_with(0).says(&["turn off Incus's HTTPS listener"]);
    assert_eq!(settings(), (Value::Null, Value::Null));
    lab().incus(&["query", "-X", "DELETE", &mine]);
}
