//! The command line itself: help, usage, what goes to which stream, exit codes, Ctrl-C.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A topology that names no file of the host and is risky in nothing.
const FINE: &str = "\
name: fine
network: { name: fine0, ipv4: 10.9.0.1/24 }
containers: { web: { ipv4: 10.9.0.10 }, db: { ipv4: 10.9.0.11 } }
";

/// An address outside of the network, a key that doesn't exist.
const BROKEN: &str = "\
name: broken
network: { name: broken0, ipv4: 10.9.0.1/24 }
containers: { web: { ipv4: 10.8.0.10, limit: 1GiB } }
";

/// distctl with an environment that says nothing about colour, in a folder with a topology.
fn distctl(folder: &TempDir, topology: &str) -> assert_cmd::Command {
    std::fs::write(folder.path().join("topology.yaml"), topology).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("distctl").unwrap();
    command.current_dir(folder).env("TERM", "xterm");
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "DISTCTL_FILE"] {
        command.env_remove(name);
    }
    command
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs distctl beside a topology.
fn run(topology: &str, arguments: &[&str]) -> Ran {
    run_with(topology, arguments, &[])
}

fn run_with(topology: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let folder = TempDir::new().unwrap();
    let mut command = distctl(&folder, topology);
    let output = command.args(arguments).envs(environment.iter().copied()).output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The names of all commands, out of the help.
fn commands() -> Vec<String> {
    let help = run(FINE, &["--help"]).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let lines = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    lines.map(|line| line.split_whitespace().next().unwrap().to_string()).filter(|name| name != "help").collect()
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let ran = run(FINE, &["--help"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for word in ["completions", "schema", "validate", "--remote", "--parallel", "130 interrupted"] {
        assert!(ran.stdout.contains(word), "no {word} in\n{}", ran.stdout);
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 100), "a line is too long:\n{}", ran.stdout);
}

#[test]
fn every_command_has_a_help_with_an_example() {
    let commands = commands();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        let ran = run(FINE, &[&command, "--help"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(ran.stdout.contains("Example"), "{command}:\n{}", ran.stdout);
    }
}

#[test]
fn every_command_has_its_place_in_the_docs() {
    let docs = include_str!("../../docs/commands.md");
    let missing: Vec<_> =
        commands().into_iter().filter(|name| !docs.contains(&format!("### `distctl {name}"))).collect();
    assert!(missing.is_empty(), "docs/commands.md says nothing of {missing:?}");
}

#[test]
fn the_version_is_the_packages_own() {
    assert_eq!(run(FINE, &["--version"]).stdout, concat!("distctl ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_meant() {
    for arguments in [&["validat"][..], &["validate", "--parallel", "0"], &["validate", "--output", "xml"], &[]] {
        let ran = run(FINE, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains("Usage") || ran.stderr.contains("--help"), "{arguments:?}:\n{}", ran.stderr);
    }
    assert!(run(FINE, &["validat"]).stderr.contains("'validate'"));
}

#[test]
fn commands_that_look_into_guests_say_what_is_wrong_with_their_arguments() {
    let wrong = [
        (&["exec"][..], "<CONTAINER>"),
        (&["exec", "db"], "<COMMAND>"),
        (&["exec", "db", "-t", "-T", "--", "ls"], "--no-terminal"),
        (&["exec", "db", "--env", "A", "--", "ls"], "NAME=VALUE"),
        (&["logs", "--since", "10"], "5m"),
        (&["logs", "--lines", "many"], "--lines"),
        (&["top", "--interval", "1ms"], "200ms"),
        (&["shell"], "mongo"),
        (&["shell", "mongo"], "<NAME>"),
    ];
    for (arguments, word) in wrong {
        let ran = run(FINE, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains(word), "{arguments:?} don't say {word}:\n{}", ran.stderr);
    }
}

#[test]
fn a_container_that_is_not_declared_is_named_before_any_daemon_is_asked() {
    let ran = run_with(FINE, &["exec", "bd", "--", "ls"], &[("INCUS_SOCKET", "/nowhere")]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("no container named bd") && ran.stderr.contains("db, web"), "{}", ran.stderr);
}

#[test]
fn no_daemon_is_an_error_with_a_hint_in_every_command() {
    for arguments in [&["exec", "db", "--", "ls"][..], &["logs"], &["top", "--once"], &["status"]] {
        let environment = [("INCUS_SOCKET", "/nowhere"), ("DISTCTL_AGENT", "topology.yaml")];
        let ran = run_with(FINE, arguments, &environment);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(ran.stderr.contains("/nowhere") && ran.stderr.contains("\nHint: "), "{arguments:?}:\n{}", ran.stderr);
    }
}

#[test]
fn doctor_says_what_is_broken_without_a_daemon_or_a_topology() {
    let environment = [("INCUS_SOCKET", "/nowhere"), ("DISTCTL_AGENT", "topology.yaml")];
    let ran = run_with(FINE, &["doctor", "--file", "nowhere.yaml", "-o", "json"], &environment);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let verdict = |about: &str| {
        let check = value["checks"].as_array().unwrap().iter().find(|check| check["about"] == about).unwrap();
        (check["verdict"].clone(), check["hint"].is_string())
    };
    assert_eq!(value["verdict"], "failure");
    assert_eq!(verdict("daemon"), ("failure".into(), true));
    assert_eq!(verdict("topology"), ("warning".into(), true));
    assert_eq!(verdict("agent"), ("ok".into(), false));
}

#[test]
fn completions_know_the_commands_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(FINE, &["completions", shell]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.stdout.contains("validate") && ran.stdout.contains("progress"), "{shell}");
    }
}

#[test]
fn a_fine_topology_is_fine() {
    let ran = run(FINE, &["validate"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(ran.stdout, "topology.yaml: fine: 2 containers\n");
}

#[test]
fn a_broken_topology_shows_every_finding_with_its_place() {
    let ran = run(BROKEN, &["validate"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    assert!(ran.stdout.contains("topology.yaml:3:28"), "{}", ran.stdout);
    assert!(ran.stdout.contains("topology.yaml:3:39"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("topology.yaml: it can't be used; 2 errors\n"), "{}", ran.stdout);
}

#[test]
fn a_topology_that_is_not_there_is_an_error_that_says_what_to_do() {
    let ran = run(FINE, &["validate", "--file", "nowhere.yaml"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("nowhere.yaml") && ran.stdout.contains("--file"), "{}", ran.stdout);
}

#[test]
fn a_template_that_is_wrong_is_found_before_anything_is_touched() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(folder.path().join("templates/hosts"), "{{ nobody.knows }}").unwrap();
    let output = distctl(&folder, FINE).arg("validate").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("hosts"), "{stdout}");
}

#[test]
fn render_writes_what_would_be_pushed() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("agent"), "an agent").unwrap();
    let mut command = distctl(&folder, FINE);
    let output = command.args(["render", "-o", "json"]).env("DISTCTL_AGENT", "agent").output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let files: Vec<_> = value["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert!(files.contains(&"rendered/manifest.json"), "{files:?}");
    assert!(files.iter().all(|file| folder.path().join(file).is_file()));
    let hosts = std::fs::read_to_string(folder.path().join("rendered/web/etc/hosts")).unwrap();
    assert!(hosts.contains("10.9.0.11"), "{hosts}");
}

#[test]
fn a_broken_topology_keeps_other_commands_from_beginning() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("agent"), "an agent").unwrap();
    let output = distctl(&folder, BROKEN).arg("render").env("DISTCTL_AGENT", "agent").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(stderr.contains("topology.yaml:3:28"), "{stderr}");
    assert!(stderr.ends_with("Error: topology.yaml can't be used: it has 2 errors\n"), "{stderr}");
    assert!(!folder.path().join("rendered").exists());
}

#[test]
fn the_file_may_come_from_the_environment() {
    let ran = run_with(FINE, &["validate"], &[("DISTCTL_FILE", "nowhere.yaml")]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("nowhere.yaml"));
}

#[test]
fn json_output_is_json_and_nothing_else() {
    for (topology, code, errors) in [(FINE, 0, 0), (BROKEN, 1, 2)] {
        let ran = run(topology, &["validate", "--output", "json"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""));
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(value["errors"], errors);
        assert_eq!(value["findings"].as_array().map(Vec::len), Some(errors));
    }
    let schema = run(FINE, &["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["title"], "topology.yaml");
}

#[test]
fn colour_is_for_terminals_unless_forced_and_never_with_no_color() {
    let coloured = |environment: &[(&str, &str)]| run_with(BROKEN, &["validate"], environment).stdout.contains('\x1b');
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(distctl(&folder, FINE).get_program());
    let output = command.arg("schema").current_dir(&folder).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn ctrl_c_ends_a_command_that_only_looks() {
    for signal in ["-INT", "-TERM"] {
        let folder = TempDir::new().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let mut command = Command::new(distctl(&folder, FINE).get_program());
        let mut child = command.args(["validate", "--file"]).arg(&fifo).stdout(Stdio::null()).spawn().unwrap();
        // Whoever opens the fifo for writing knows that distctl reads it, and so that it listens to signals.
        let _writer = wait_for_reader(&fifo);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(wait(&mut child), Some(130));
    }
}

fn wait_for_reader(fifo: &Path) -> std::fs::File {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let opened = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(fifo);
        match opened {
            Ok(file) => return file,
            Err(error) if error.kind() == ErrorKind::NotFound => panic!("no fifo at {}", fifo.display()),
            Err(error) => assert!(Instant::now() < deadline, "distctl never read the fifo: {error}"),
        }
        std::thread::yield_now();
    }
}

/// From fcntl.h on Linux; without it opening a fifo that nobody reads blocks.
const O_NONBLOCK: i32 = 0o4000;

fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("distctl goes on after a signal");
        }
        std::thread::yield_now();
    }
}
