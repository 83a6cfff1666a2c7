//! How often a log-in may be tried.

use serde_json::json;

use crate::fixture::{PASSWORD, Server};

const REFUSED: &str = "Demasiados intentos fallidos, inténtalo más tarde";

#[test]
fn stops_a_client_after_ten_failures_as_one_user() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    assert_eq!(server.register("eva").status, 201);
    // Nine failures and a success begin anew.
    for _ in 0..9 {
        assert_eq!(server.login("ana", "wrong password").status, 401);
    }
    assert_eq!(server.login("ana", PASSWORD).status, 200);
    for _ in 0..10 {
        assert_eq!(server.login("ANA", "wrong password").status, 401);
    }
    let refused = server.login("ana", PASSWORD);
    assert_eq!(refused.said(), (429, REFUSED.to_owned()));
    assert!((1..=300).contains(&refused.retry_after()), "{refused:?}");
    assert_eq!(server.login("eva", PASSWORD).status, 200);
}

#[test]
fn tells_clients_apart_behind_a_trusted_proxy_only() {
    let server = Server::start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    assert_eq!(server.register("ana").status, 201);
    let login = |server: &Server, from: &str, password: &str| {
        let body = json!({ "username": "ana", "password": password }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
        server.call("POST", "/auth/login", &headers, body.as_bytes()).status
    };
    for number in 0..10 {
        assert_eq!(login(&server, &format!("198.51.100.{number}, 192.0.2.7"), "wrong password"), 401);
    }
    assert_eq!(login(&server, "192.0.2.7", PASSWORD), 429);
    assert_eq!(login(&server, "192.0.2.7, 192.0.2.8", PASSWORD), 200);
    let open = Server::start();
    for number in 0..10 {
        assert_eq!(login(&open, &format!("192.0.2.{number}"), "wrong password"), 401);
    }
    assert_eq!(login(&open, "192.0.2.99", PASSWORD), 429);
}

#[test]
fn answers_a_flood_of_attempts_without_hashing_each() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..10_000 {
        *statuses.entry(server.login("ana", "wrong password").status).or_insert(0) += 1;
    }
    assert_eq!(statuses, [(401, 10), (429, 9_990)].into());
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.register("eva").status, 201);
}
