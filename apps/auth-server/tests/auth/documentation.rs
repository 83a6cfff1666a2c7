//! The documentation, against what the service does.

use serde_json::Value;

use crate::fixture::Server;

#[test]
fn documents_the_calls_that_there_are() {
    let server = Server::start();
    let openapi = server.get("/openapi.json").json();
    let paths = openapi["paths"].as_object().unwrap();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, operations) in paths {
        let documented: Vec<&str> = operations.as_object().unwrap().keys().map(String::as_str).collect();
        let path = path.replace("{username}", "nobody");
        for method in ["get", "post", "put", "patch", "delete"] {
            let answer = server.call(&method.to_uppercase(), &path, &[], b"");
            let taken = answer.status != 405;
            assert_eq!(taken, documented.contains(&method), "{method} {path}: {}", answer.status);
            if taken {
                let operation = &operations[method]["responses"];
                assert!(operation.get(answer.status.to_string()).is_some(), "{method} {path}: {}", answer.status);
            } else {
                assert!(answer.message().contains(&path), "{answer:?}");
            }
        }
    }
    references(&openapi, &openapi);
}

/// Fails at a reference that leads nowhere.
fn references(whole: &Value, part: &Value) {
    match part {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref") {
                let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(whole.pointer(pointer).is_some(), "{reference}");
            }
            map.values().for_each(|value| references(whole, value));
        }
        Value::Array(items) => items.iter().for_each(|value| references(whole, value)),
        _ => {}
    }
}

#[test]
fn shows_a_page_that_loads_its_style_and_nothing_else() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!((page.status, &page.headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(page.text.contains(r#"<html lang="es">"#) && page.text.contains("/auth/verify"), "{}", page.text);
    let style = server.get("/static/style.css");
    assert_eq!((style.status, &style.headers["content-type"]), (200, &"text/css; charset=utf-8".parse().unwrap()));
    for nowhere in ["/static/../Cargo.toml", "/static/%2e%2e/Cargo.toml", "/static/", "/nowhere"] {
        assert_eq!(server.get(nowhere).status, 404, "{nowhere}");
    }
}

#[test]
fn answers_whether_it_works() {
    let server = Server::start();
    let health = server.get("/health").json();
    let version = env!("CARGO_PKG_VERSION");
    let expected = serde_json::json!({
        "status": "ok", "service": "auth-server", "version": version, "checks": { "DB3": "ok" },
    });
    assert_eq!(health, expected);
}
