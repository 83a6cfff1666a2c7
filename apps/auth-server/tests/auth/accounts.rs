//! Registering, logging in, verifying: the rows of the contract.

use serde_json::json;

use crate::fixture::{PASSWORD, Server};

#[test]
fn registers_logs_in_and_verifies() {
    let server = Server::start();
    let body = json!({ "username": " ana ", "email": " Ana@Example.COM ", "password": PASSWORD });
    let registered = server.post("/auth/register", &body);
    assert_eq!(registered.said(), (201, "Usuario registrado exitosamente".to_owned()));
    let session = server.login("ana", PASSWORD);
    assert_eq!((session.status, &session.json()["username"]), (200, &json!("ana")));
    assert_eq!(session.json().as_object().unwrap().len(), 2);
    let verified = server.with_token("POST", "/auth/verify", session.json()["token"].as_str().unwrap());
    let expected = json!({ "message": "Token válido", "username": "ana", "role": "user" });
    assert_eq!((verified.status, verified.json()), (200, expected));
    let admin = server.admin("root");
    let users = server.with_token("GET", "/users", &admin).json();
    assert_eq!(users["users"][0]["email"], "ana@example.com");
}

#[test]
fn refuses_registrations_that_are_incomplete_or_malformed() {
    let server = Server::start();
    let good = json!({ "username": "ana", "email": "ana@example.com", "password": PASSWORD });
    let with = |field: &str, value| {
        let mut body = good.clone();
        body[field] = value;
        server.post("/auth/register", &body).said()
    };
    for field in ["username", "email", "password"] {
        assert_eq!(with(field, json!(null)), (400, format!("Campo requerido: {field}")));
        assert_eq!(with(field, json!("  ")), (400, format!("Campo requerido: {field}")));
    }
    assert_eq!(with("username", json!("ab")).0, 400);
    assert_eq!(with("username", json!("<script>alert(1)</script>")).0, 400);
    assert_eq!(with("email", json!("ana.example.com")).0, 400);
    assert_eq!(with("password", json!("1234567")).0, 400);
    assert_eq!(with("password", json!("x".repeat(73))).0, 400);
    // None of them left anything: the name is still free.
    assert_eq!(server.post("/auth/register", &good).status, 201);
}

#[test]
fn refuses_names_and_addresses_that_are_taken() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let register = |username, email| {
        server.post("/auth/register", &json!({ "username": username, "email": email, "password": PASSWORD })).said()
    };
    assert_eq!(register("ana", "other@example.com"), (400, "El nombre de usuario ya existe".to_owned()));
    assert_eq!(register("ANA", "other@example.com"), (400, "El nombre de usuario ya existe".to_owned()));
    assert_eq!(register("eva", "ANA@example.com"), (400, "El email ya está registrado".to_owned()));
    assert_eq!(register("eva", "eva@example.com").0, 201);
}

#[test]
fn makes_no_administrator_of_who_asks_for_it() {
    let server = Server::start();
    let email = "mallory@example.com";
    let body = json!({ "username": "mallory", "email": email, "password": PASSWORD, "role": "admin", "_id": 1 });
    assert_eq!(server.post("/auth/register", &body).status, 201);
    let token = server.token("mallory");
    assert_eq!(server.with_token("POST", "/auth/verify", &token).json()["role"], "user");
    assert_eq!(server.with_token("GET", "/users", &token).status, 403);
}

#[test]
fn says_the_same_to_unknown_users_and_wrong_passwords() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let refused = (401, "Credenciales inválidas".to_owned());
    assert_eq!(server.login("ana", "wrong password").said(), refused);
    assert_eq!(server.login("nobody", "wrong password").said(), refused);
    assert_eq!(server.login("nobody", PASSWORD).said(), refused);
    assert_eq!(server.login("ANA", PASSWORD).json()["username"], "ana");
    for body in [json!({}), json!({ "username": "ana" }), json!({ "password": PASSWORD })] {
        assert_eq!(server.post("/auth/login", &body).status, 400);
    }
}

#[test]
fn keeps_secrets_out_of_its_log() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let token = server.token("ana");
    assert_eq!(server.with_token("POST", "/auth/verify", &token).status, 200);
    assert_eq!(server.get(&format!("/users?token={token}")).status, 401);
    assert_eq!(server.login("ana", "a-wrong-secret").status, 401);
    server.terminate();
    let (status, log) = server.ended();
    assert!(status.success());
    assert!(log.contains(r#""path":"/auth/login""#), "{log}");
    let signature = token.rsplit('.').next().unwrap();
    for secret in [PASSWORD, "a-wrong-secret", signature, crate::fixture::KEY, "$2b$"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}
