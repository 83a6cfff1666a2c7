//! Bodies that are wrong, large or hostile, and clients that are slow.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};

use crate::fixture::{PASSWORD, PATIENCE, Server};

#[test]
fn takes_no_operators_for_strings() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let hostile: [Value; 7] = [
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
        json!({ "$regex": ".*" }),
        json!(["ana"]),
        json!(7),
        json!(true),
        json!({}),
    ];
    for value in hostile {
        for (username, password) in
            [(json!("ana"), value.clone()), (value.clone(), json!(PASSWORD)), (value.clone(), value)]
        {
            let body = json!({ "username": username, "password": password });
            assert_eq!(server.post("/auth/login", &body).status, 400, "{body}");
            let body = json!({ "username": username, "email": "eva@example.com", "password": password });
            assert_eq!(server.post("/auth/register", &body).status, 400, "{body}");
        }
    }
    // As strings they are names that nobody has.
    assert_eq!(server.login("{\"$ne\": null}", PASSWORD).status, 401);
    assert_eq!(server.login("$where", PASSWORD).status, 401);
}

#[test]
fn says_400_to_whatever_is_no_such_body() {
    let server = Server::start();
    let json = ("content-type", "application/json");
    let large = format!(r#"{{"username": "{}"}}"#, "x".repeat(1 << 20));
    for path in ["/auth/login", "/auth/register"] {
        for body in ["", "{", "[]", "null", "\"x\"", "{} {}", "username=ana", &"[".repeat(60_000), &large] {
            let answer = server.call("POST", path, &[json], body.as_bytes());
            assert_eq!(answer.status, 400, "{path}, {:.40}", body);
            assert!(!answer.message().is_empty());
        }
        assert_eq!(server.call("POST", path, &[json], b"{\"username\": \"\xff\"}").status, 400);
        let good = format!(r#"{{"username": "ana", "email": "ana@example.com", "password": "{PASSWORD}"}}"#);
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            assert_eq!(server.call("POST", path, &[("content-type", kind)], good.as_bytes()).status, 400, "{kind}");
        }
        assert_eq!(server.call("POST", path, &[], good.as_bytes()).status, 400);
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn cuts_off_slow_clients() {
    let server = Server::start();
    let begin = Instant::now();
    let slow = |text: &str| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let mut heads: Vec<TcpStream> = (0..50).map(|_| slow("GET /health HTTP/1.1\r\nhost: x\r\n")).collect();
    let post = "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut body = slow(post);
    // Others are served meanwhile.
    assert_eq!(server.get("/health").status, 200);
    let mut rest = String::new();
    for head in &mut heads {
        let _ = head.read_to_string(&mut rest);
    }
    assert!(!rest.contains("HTTP/1.1 200"), "{rest}");
    // The upper bound is far from 5 seconds, for machines that are busy, and far from for ever.
    assert!((4..40).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    rest.clear();
    let _ = body.read_to_string(&mut rest);
    assert!(rest.starts_with("HTTP/1.1 400 "), "{rest}");
    assert!((14..50).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}
