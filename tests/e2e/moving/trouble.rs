//! Bundles that are broken, and exports and imports that are interrupted or refused.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::{beside, json_of};
use crate::harness::{Lab, Ran, System, lab};

#[test]
fn interrupted_refused_and_damaged() {
    let system = System::single("pack", 44);
    system.up();
    system.main().run("client.story.kept.insert_one({'_id': 7})\nout(1)");
    let bundle = beside(&system, "one.distctl");
    let path = bundle.to_str().unwrap();
    let partial = beside(&system, "one.distctl.partial");

    // Killed while it packs: the file stays unfinished, and so does what is in Incus.
    let mut killed = system.start(&["export", path]);
    assert!(killed.said(|line| line.contains("step_progress")), "it packs nothing");
    killed.signal("KILL");
    killed.end();
    assert!(partial.exists() && !bundle.exists());
    system.distctl(&["export", path]).ended_with(1).says(&["was not finished", "--resume"]);
    let resumed = system.distctl(&["export", path, "--resume", "--lock-wait", "1m"]).ended_with(0);
    assert!(bundle.exists() && !partial.exists(), "{}", resumed.all());
    assert_eq!(system.containers(), ["pack-db"]);
    assert_eq!(lab().query("/1.0/instances/pack-db/snapshots"), json!([]));
    assert_eq!(
        fs::metadata(&bundle).map(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777).unwrap(),
        0o600
    );
    system.distctl(&["export", path]).ended_with(1).says(&["is there already"]);
    system.distctl(&["export", path, "--resume"]).ended_with(1).says(&["is there already"]);

    // Over what is there.
    let into = beside(&system, "again");
    let again = ["import", path, "--into", into.to_str().unwrap()];
    system.distctl(&again).ended_with(1).says(&["there is a container pack-db already", "nothing was changed"]);

    // One bit, and one byte less.
    let bytes = fs::read(&bundle).unwrap();
    let broken = beside(&system, "broken.distctl");
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    fs::write(&broken, flipped).unwrap();
    let import = ["import", broken.to_str().unwrap(), "--into", into.to_str().unwrap()];
    system.distctl(&import).ended_with(1).says(&["can't be used; nothing was changed"]);
    fs::write(&broken, &bytes[..bytes.len() - 1]).unwrap();
    system.distctl(&import).ended_with(1).says(&["can't be used; nothing was changed"]);

    // Gone, and back, from an encrypted one.
    let secret = beside(&system, "passphrase");
    fs::write(&secret, "a story\n").unwrap();
    let sealed = beside(&system, "sealed.distctl");
    let seal = ["export", sealed.to_str().unwrap(), "--passphrase-file", secret.to_str().unwrap()];
    system.distctl(&seal).ended_with(1).says(&["can be read by others"]);
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    sealed_at_a_terminal(&system, sealed.to_str().unwrap());
    system.distctl(&seal).ended_with(0);
    system.distctl(&["destroy"]).ended_with(0);
    let import = ["import", sealed.to_str().unwrap(), "--into", into.to_str().unwrap()];
    system.distctl(&import).ended_with(1).says(&["is encrypted", "--passphrase-file"]);
    let import = [import.as_slice(), &["--passphrase-file", secret.to_str().unwrap()]].concat();
    system.distctl(&import).ended_with(0).says(&["is up and verified"]);
    assert_eq!(system.main().eval("client.story.kept.find_one()"), json!({"_id": 7}));
    let mut here = Command::new(Lab::distctl());
    here.arg("--file").arg(into.join("topology.yaml")).args(["plan", "--exit-code"]);
    Ran::of(&mut here).ended_with(0);
    let shown = system.distctl(&["--output", "json", "bundle", "show", path]).ended_with(0);
    assert_eq!(json_of(&shown)["manifest"]["topology"], "pack");
    let differ = ["bundle", "diff", path, path];
    system.distctl(&differ).ended_with(0).says(&["no differences"]);
}

/// Encrypted with a passphrase that somebody types.
#[track_caller]
fn sealed_at_a_terminal(system: &System, sealed: &str) {
    let ask = ["export", sealed, "--encrypt"];
    system.distctl(&ask).ended_with(1).says(&["no terminal to ask on", "--passphrase-file"]);
    typed(system, &ask, &["a story", "a stony"]).ended_with(1).says(&["are not the same"]);
    assert!(!fs::exists(sealed).unwrap());
    let at_a_terminal = typed(system, &ask, &["a story", "a story"]).ended_with(0);
    typed(system, &["bundle", "show", sealed], &["a story"]).ended_with(0).says(&["pack of"]);
    typed(system, &["bundle", "show", sealed], &["a stony"]).ended_with(1).says(&["passphrase"]);
    assert!(at_a_terminal.all().contains("Passphrase of the bundle"), "{}", at_a_terminal.all());
    fs::remove_file(sealed).unwrap();
}

/// Runs distctl at a terminal, where somebody types.
fn typed(system: &System, arguments: &[&str], lines: &[&str]) -> Ran {
    let command = system.command(arguments);
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_str().unwrap());
    let line = words.collect::<Vec<_>>().join(" ");
    let mut shell = Command::new("bash");
    shell.args(["-c", r#"printf '%s\n' "${@:2}" | script --quiet --return --command "$1" /dev/null"#, "typed", &line]);
    Ran::of(shell.args(lines))
}
