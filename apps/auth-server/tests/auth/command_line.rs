//! Starting it, and users from the command line.

use std::net::TcpListener;

use serde_json::json;

use crate::fixture::{KEY, PASSWORD, Server, output, program};

const URL: &str = "mongodb://auth:a-database-secret@127.0.0.1:1/auth_db";

fn refusal(environment: &[(&str, &str)]) -> String {
    let mut command = program();
    command.envs(environment.iter().copied());
    let ended = output(command, "");
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(!said.contains("a-database-secret"), "{said}");
    said
}

#[test]
fn refuses_to_start_with_what_is_weak_or_missing() {
    assert!(refusal(&[("DB3_URL", URL)]).contains("SECRET_KEY is not set"));
    let weak = "your-secret-key-change-me-in-production";
    let said = refusal(&[("DB3_URL", URL), ("SECRET_KEY", weak)]);
    assert!(said.contains("SECRET_KEY contains a word that everybody tries first") && !said.contains(weak), "{said}");
    assert!(refusal(&[("DB3_URL", URL), ("SECRET_KEY", &KEY[..31])]).contains("SECRET_KEY is shorter than 32 bytes"));
    assert!(refusal(&[("SECRET_KEY", KEY)]).contains("DB3_URL is not set"));
    let nowhere = "mongodb://auth:a-database-secret@127.0.0.1:1/";
    assert!(refusal(&[("DB3_URL", nowhere), ("SECRET_KEY", KEY)]).contains("DB3_URL names no database"));
    let wrong = "mongodb://auth:a-database-secret@:x/auth_db";
    assert!(refusal(&[("DB3_URL", wrong), ("SECRET_KEY", KEY)]).contains("DB3_URL is no MongoDB address"));
    let good = [("DB3_URL", URL), ("SECRET_KEY", KEY)];
    for (name, value) in [("PORT", "http"), ("BIND", "here"), ("TRUSTED_PROXIES", "web-server"), ("LOG_LEVEL", "loud")]
    {
        assert!(refusal(&[&good[..], &[(name, value)]].concat()).contains(&format!("{name} can't be read")), "{name}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refusal(&[&good[..], &[("PORT", &port), ("BIND", "127.0.0.1")]].concat());
    assert!(said.contains(&format!("can't listen at 127.0.0.1:{port}")), "{said}");
}

#[test]
fn says_its_version() {
    let mut command = program();
    command.arg("--version");
    let ended = output(command, "");
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), format!("auth-server {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn makes_users_once() {
    let server = Server::start();
    let said = |arguments: &[&str], input: &str| {
        let ended = server.create_user(arguments, input);
        let text = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert!(!text.contains(PASSWORD), "{text}");
        (ended.status.code(), text)
    };
    let line = format!("{PASSWORD}\r\n");
    assert_eq!(said(&["--admin", "root"], &line), (Some(0), "root was made, with the role admin\n".to_owned()));
    let again = "root exists already and was left as it is\n".to_owned();
    assert_eq!(said(&["ROOT"], "another password\n"), (Some(0), again));
    assert_eq!(server.login("root", "another password").status, 401);
    // Whoever asks for an administrator has this password and no other.
    assert_eq!(said(&["--admin", "ROOT"], "another password\n").0, Some(0));
    assert_eq!(server.login("root", "another password").status, 200);
    assert_eq!(server.login("root", PASSWORD).status, 401);
    assert_eq!(said(&["--admin", "root"], &line).0, Some(0));
    let token = server.token("root");
    assert_eq!(said(&["eva", "--email", "Eva@Example.com"], &line).0, Some(0));
    let users = server.with_token("GET", "/users", &token).json();
    assert_eq!((&users["users"][0]["email"], &users["users"][0]["role"]), (&json!("eva@example.com"), &json!("user")));
    assert_eq!((&users["users"][1]["email"], &users["users"][1]["role"]), (&json!("root@localhost"), &json!("admin")));

    let taken = said(&["zoe", "--email", "eva@example.com"], &line);
    assert_eq!((taken.0, taken.1.contains("belongs to another user")), (Some(1), true), "{}", taken.1);
    for (arguments, input) in
        [(&["zoe"][..], "short\n"), (&["zoe"], ""), (&["z"], &line), (&["zoe", "--email", "x"], &line)]
    {
        assert_eq!(said(arguments, input).0, Some(1), "{arguments:?}");
    }
    assert_eq!(server.with_token("GET", "/users", &token).json()["count"], 2);
}
