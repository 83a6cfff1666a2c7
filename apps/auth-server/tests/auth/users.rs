//! What administrators may do.

use std::thread;

use serde_json::{Value, json};

use crate::fixture::{Server, until};

fn names(answer: &Value) -> Vec<&str> {
    answer["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

#[test]
fn lists_users_by_name_and_never_a_hash() {
    let server = Server::start();
    for name in ["eva", "Ana", "zoe"] {
        assert_eq!(server.register(name).status, 201);
    }
    let admin = server.admin("mario");
    let answer = server.with_token("GET", "/users", &admin);
    assert_eq!(answer.status, 200);
    assert!(!answer.text.contains("password") && !answer.text.contains("$2"), "{}", answer.text);
    let list = answer.json();
    assert_eq!((&list["count"], names(&list)), (&json!(4), vec!["Ana", "eva", "mario", "zoe"]));
    let ana = list["users"][0].as_object().unwrap();
    assert_eq!((&ana["email"], &ana["role"], ana.len()), (&json!("ana@example.com"), &json!("user"), 4));
    assert_eq!(list["users"][2]["role"], "admin");
    let created = ana["created_at"].as_str().unwrap();
    assert!(created.len() >= 20 && created.ends_with('Z') && created.as_bytes()[10] == b'T', "{created}");
}

#[test]
fn gives_pages_that_together_are_all() {
    let server = Server::start();
    for name in ["user1", "user2", "user3"] {
        assert_eq!(server.register(name).status, 201);
    }
    let admin = server.admin("root");
    let (mut all, mut path) = (Vec::new(), "/users?limit=2".to_owned());
    loop {
        let page = server.with_token("GET", &path, &admin).json();
        assert_eq!(page["count"], 4);
        all.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/users?limit=2&cursor={next}");
    }
    assert_eq!(all, ["root", "user1", "user2", "user3"]);
    for limit in ["0", "501", "-1", "x", "99999999999", ""] {
        assert_eq!(server.with_token("GET", &format!("/users?limit={limit}"), &admin).status, 400, "{limit}");
    }
}

#[test]
fn deletes_users_and_ends_their_tokens() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let (admin, ana) = (server.admin("root"), server.token("ana"));
    assert_eq!(server.with_token("POST", "/auth/verify", &ana).status, 200);
    let deleted = server.with_token("DELETE", "/users/ANA", &admin);
    assert_eq!(deleted.said(), (200, "Usuario eliminado exitosamente".to_owned()));
    until("the token is refused", || server.with_token("POST", "/auth/verify", &ana).status == 401);
    assert_eq!(server.with_token("DELETE", "/users/ana", &admin).status, 404);
    assert_eq!(server.login("ana", crate::fixture::PASSWORD).status, 401);
    for nobody in ["/users/%24ne", "/users/%ff", "/users/..%2fx", "/users/%00"] {
        assert_eq!(server.with_token("DELETE", nobody, &admin).status, 404, "{nobody}");
    }
}

#[test]
fn refuses_who_is_no_administrator() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let ana = server.token("ana");
    for (method, path) in [("GET", "/users"), ("DELETE", "/users/ana")] {
        assert_eq!(server.call(method, path, &[], b"").said(), (401, "Token requerido".to_owned()));
        assert_eq!(server.with_token(method, path, "x.y.z").said(), (401, "Token inválido".to_owned()));
        assert_eq!(server.with_token(method, path, &ana).said(), (403, "Solo para administradores".to_owned()));
    }
}

#[test]
fn keeps_the_last_administrator() {
    let server = Server::start();
    let (one, two) = (server.admin("one"), server.admin("two"));
    assert_eq!(server.with_token("DELETE", "/users/ONE", &one).status, 400);
    // Each deletes the other at the same instant: one of them must stay.
    let statuses: Vec<u16> = thread::scope(|scope| {
        let first = scope.spawn(|| server.with_token("DELETE", "/users/two", &one).status);
        let second = scope.spawn(|| server.with_token("DELETE", "/users/one", &two).status);
        [first, second].map(|call| call.join().unwrap()).into()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let survivor = if statuses[0] == 200 { &one } else { &two };
    assert_eq!(server.with_token("GET", "/users", survivor).json()["count"], 1);
}
