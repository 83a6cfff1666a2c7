//! What happens at the same instant, and at the end.

use std::thread;

use serde_json::json;

use crate::fixture::{PASSWORD, Server, until};

#[test]
fn gives_a_name_to_one_of_those_who_ask_at_once() {
    let server = Server::start();
    let register = |number: usize| {
        let name = if number.is_multiple_of(2) { "ana" } else { "Ana" };
        let email = format!("ana{number}@example.com");
        server.post("/auth/register", &json!({ "username": name, "email": email, "password": PASSWORD }))
    };
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|number| scope.spawn(move || register(number).status)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400, 400, 400]);
    let admin = server.admin("root");
    assert_eq!(server.with_token("GET", "/users", &admin).json()["count"], 2);
}

#[test]
fn finishes_what_it_does_when_told_to_stop() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let hashing = |server: &Server| server.log().iter().filter(|line| line["message"] == "hashing").count();
    let before = hashing(&server);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let calls: Vec<_> = (0..2).map(|_| scope.spawn(|| server.login("ana", PASSWORD).status)).collect();
        until("both passwords are compared", || hashing(&server) == before + 2);
        server.terminate();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 2]);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains(r#""message":"stopping""#), "{log}");
}
