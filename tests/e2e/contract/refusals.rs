//! What is refused, and never with 500.

use serde_json::{Value, json};

use super::{make, product, stage};
use crate::harness::http::JSON;
use crate::platform::PAGE;

/// What clients may send as a field, and what is said then.
fn wrong_fields() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("name", json!("   "), "El nombre no puede estar vacío"),
        ("name", json!("\u{200b}"), "El nombre no puede estar vacío"),
        ("name", json!(7), "El nombre debe ser un texto"),
        ("name", json!({ "$gt": "" }), "El nombre debe ser un texto"),
        ("name", json!("x".repeat(201)), "El nombre no puede tener más de 200 caracteres"),
        ("price", json!(-0.01), "El precio no puede ser negativo"),
        ("price", json!("12"), "El precio debe ser un número"),
        ("price", json!({ "$gt": 0 }), "El precio debe ser un número"),
        ("stock", json!(-1), "El stock no puede ser negativo"),
        ("stock", json!(1.5), "El stock debe ser un número entero"),
        ("stock", json!([1]), "El stock debe ser un número entero"),
        ("description", json!({ "$where": "1" }), "La descripción debe ser un texto"),
        ("category", json!(true), "La categoría debe ser un texto"),
    ]
}

#[test]
fn a_product_that_can_not_be_is_refused() {
    let stage = stage();
    let admin = stage.admin();
    let path = format!("/products/{}", make(&admin, "Café"));
    let before = admin.get(&path).is(200);
    for (field, value, message) in wrong_fields() {
        let mut sent = product("Nuez");
        sent[field] = value.clone();
        assert_eq!(admin.post("/products", &sent).says(400), message, "{field}: {value}");
        assert_eq!(admin.put(&path, &json!({ field: value })).says(400), message, "{field}: {value}");
    }
    for field in ["name", "price", "stock"] {
        let mut sent = product("Nuez");
        sent.as_object_mut().unwrap().remove(field);
        assert_eq!(admin.post("/products", &sent).says(400), format!("Campo requerido: {field}"));
    }
    admin.put(&path, &json!({})).says(400);
    assert_eq!(admin.get(&path).is(200), before);
    assert_eq!((stage.names("rsA"), stage.names("rsB")), (vec!["Café".to_owned()], vec![]));
}

#[test]
fn what_is_no_request_is_refused() {
    let stage = stage();
    let admin = stage.admin();
    for id in ["x", "123", "zzzzzzzzzzzzzzzzzzzzzzzz", "%7B%22$gt%22:%22%22%7D", "..%2f..%2fetc"] {
        let path = format!("/products/{id}");
        for answer in [admin.get(&path), admin.put(&path, &json!({ "price": 1 })), admin.delete(&path)] {
            answer.says(400);
        }
    }
    let large = product(&"x".repeat(1 << 20)).to_string();
    let over = product(&"x".repeat(64 << 10)).to_string();
    for caller in [&admin, &stage.web, &stage.auth] {
        let path = if std::ptr::eq(caller, &admin) { "/products" } else { "/auth/register" };
        for (header, body) in [
            (JSON, large.as_str()),
            (JSON, &over),
            (JSON, "{\"name\": "),
            (JSON, "[]"),
            (JSON, "\"x\""),
            ("Content-Type: text/plain", "{}"),
            ("Content-Type: application/x-www-form-urlencoded", "name=x"),
        ] {
            caller.send("POST", path, &[header], body.as_bytes()).says(400);
        }
    }
    admin.get("/nothing").says(404);
    stage.auth.get("/nothing").says(404);
    admin.send("PATCH", "/products", &[JSON], b"{}").says(405);
    assert!(stage.names("rsA").is_empty() && stage.names("rsB").is_empty());
}

#[test]
fn nothing_but_what_is_built_in_is_sent() {
    let stage = stage();
    for path in [
        "/static/../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/../etc/web/fragmentation.json",
        "/static/",
    ] {
        let answer = stage.web.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(!answer.body.contains("root:"), "{path}");
    }
}

#[test]
fn pages_are_for_who_is_logged_in_and_allow_nothing_inline() {
    let stage = stage();
    let id = make(&stage.admin(), "Café");
    assert_eq!(stage.web.get("/").header("location"), Some("/login"));
    for path in ["/dashboard", "/add-product", &format!("/edit-product/{id}"), "/users-page", "/register-user"] {
        let answer = stage.web.get(path);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/login")), "{path}: {}", answer.head);
        // A token is for the API: it opens no page.
        assert_eq!(stage.admin().get(path).status, 303, "{path}");
    }
    for path in ["/login", "/docs"] {
        let answer = stage.web.get(path);
        answer.is(200);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        for inline in ["<style", " style=", " onclick=", "<script>"] {
            assert!(!answer.body.contains(inline), "{path} has {inline}");
        }
        for cookie in answer.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie:")) {
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        }
    }
}

#[test]
fn both_services_say_what_they_can_do() {
    let stage = stage();
    let config = stage.web.get("/api/config").is(200);
    let fragments = json!([
        { "database": "DB1", "range": "A-M", "default": true },
        { "database": "DB2", "range": "N-Z", "default": false },
    ]);
    assert_eq!(config["fragments"], fragments);
    let page = stage.auth.get("/");
    page.is(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html") && page.body.contains("/auth/verify"));
    let described = stage.auth.get("/openapi.json").is(200);
    assert!(described["openapi"].as_str().unwrap().starts_with("3."));
    for path in ["/auth/register", "/auth/login", "/auth/verify", "/users", "/users/{username}"] {
        assert!(described["paths"][path].is_object(), "{path}");
    }
    // auth-server is inside: what leads in from the host ends at web-server.
    assert_eq!(crate::harness::Http::at(PAGE).get("/openapi.json").status, 404);
}
