//! What a unit runs, where its sandbox lets it look, and the shell of MongoDB.

use super::super::{expanded, tried};
use super::texts::unit;
use crate::desired::Content;

fn of(keys: &str) -> String {
    let text = format!(
        "name: shop\nnetwork: {{ name: br0, ipv4: 10.1.0.1/24 }}\ncontainers: {{ app: {{ ipv4: 10.1.0.2 }} }}\n\
         services:\n  web:\n    container: app\n{keys}"
    );
    unit(&expanded(&text), "app", "web")
}

fn line(unit: &str, name: &str) -> String {
    unit.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-").to_owned()
}

#[test]
fn arguments_reach_the_program_as_a_shell_would_split_them() {
    let runs = |command: &str| line(&of(&format!("    command: {command}\n")), "ExecStart=");
    insta::assert_snapshot!(
        [
            "nginx -g 'daemon off;'",
            "sh -c \"echo 100% of $HOME && sleep 1\"",
            "[sh, -c, 'echo \"hi\"; exec app']",
            r"app a\ b '' it\'s",
            "|\n      sh -c 'one\n      two'",
        ]
        .map(runs)
        .join("\n"),
        @r#"
        nginx -g "daemon off;"
        sh -c "echo 100%% of $$HOME && sleep 1"
        sh -c "echo \"hi\"; exec app"
        app "a b" "" "it's"
        sh -c "one\ntwo"
        "#
    );
}

#[test]
fn a_home_is_shown_to_a_service_that_is_declared_to_live_there() {
    let home = |keys: &str| line(&of(keys), "ProtectHome=");
    assert_eq!(home("    command: app\n"), "yes");
    assert_eq!(home("    command: app\n    working_dir: /srv/home/app\n"), "yes");
    assert_eq!(home("    command: app\n    working_dir: /home/ubuntu/app\n"), "read-only");
    assert_eq!(home("    command: python3 /home/ubuntu/app.py\n"), "read-only");
    assert_eq!(home("    command: app\n    files: { /home/ubuntu/app.conf: { content: x } }\n"), "read-only");
}

#[test]
fn mongosh_is_put_beside_every_mongod() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mongosh"), "a shell").unwrap();
    let text = "name: shop\nnetwork: { name: br0, ipv4: 10.1.0.1/24 }\n\
                containers: { app: { ipv4: 10.1.0.2 }, db: { ipv4: 10.1.0.3 } }\n\
                artifacts: { mongosh: { path: mongosh } }\n\
                mongodb: { binary: /m, standalone: { users: { container: db, port: 27017 } } }\n";
    let desired = tried(text, folder.path()).unwrap();
    let shell = &desired.containers["db"].files["/usr/local/bin/mongosh"];
    assert!(shell.mode == 0o755 && matches!(shell.content, Content::Artifact { size: 7, .. }), "{shell:?}");
    assert!(!desired.containers["app"].files.contains_key("/usr/local/bin/mongosh"));
    std::fs::remove_file(folder.path().join("mongosh")).unwrap();
    assert!(tried(text, folder.path()).unwrap_err().to_string().contains("mongosh"));
}
