//! Every row of the contract.

use std::sync::atomic::Ordering;

use mongodb::bson::doc;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cluster::until;
use crate::service::{Service, System, product, read};

#[tokio::test(flavor = "multi_thread")]
async fn products_are_created_read_changed_and_deleted() {
    let system = System::start().await;
    let web = &system.web;
    assert_eq!(web.get("/products").await.1, json!({ "count": 0, "products": [], "missing": [] }));

    let sent = json!({ "name": " Azúcar ", "price": 12, "stock": 4, "description": "Blanca", "category": "Abarrotes" });
    let (status, body) = web.call(Method::POST, "/products", Some(sent)).await;
    assert_eq!((status, &body["message"]), (201, &json!("Producto creado exitosamente en DB1 (A-M)")));
    let azucar = &body["product"];
    assert_eq!((&azucar["name"], &azucar["price"], &azucar["stock"]), (&json!("Azúcar"), &json!(12.0), &json!(4)));
    assert_eq!((&azucar["database"], &azucar["description"]), (&json!("DB1"), &json!("Blanca")));
    assert!(azucar["created_at"].as_str().unwrap().ends_with('Z'));
    for (name, label) in [("Sal", "DB2 (N-Z)"), ("ñame", "DB2 (N-Z)"), ("7up", "DB1 (default)"), ("Ácido", "DB1 (A-M)")]
    {
        let (_, body) = web.call(Method::POST, "/products", Some(product(name))).await;
        assert_eq!(body["message"], format!("Producto creado exitosamente en {label}"));
    }
    assert_eq!(system.a.products().count_documents(doc! {}).await.unwrap(), 3);
    assert_eq!(system.b.products().count_documents(doc! {}).await.unwrap(), 2);
    assert_eq!(web.names("/products").await, ["Azúcar", "Sal", "ñame", "7up", "Ácido"]);

    let path = format!("/products/{}", azucar["_id"].as_str().unwrap());
    assert_eq!(web.get(&path).await, (200, azucar.clone()));
    let (status, body) = web.call(Method::PUT, &path, Some(json!({ "price": 9.75, "_id": "x" }))).await;
    assert_eq!((status, &body["message"]), (200, &json!("Producto actualizado exitosamente")));
    assert_eq!((&body["product"]["price"], &body["product"]["name"]), (&json!(9.75), &json!("Azúcar")));
    assert!(body["product"]["updated_at"].as_str() > azucar["updated_at"].as_str());
    assert_eq!(body["product"]["created_at"], azucar["created_at"]);

    let gone = json!({ "message": "Producto eliminado exitosamente", "deleted_from": "DB1" });
    assert_eq!(web.call(Method::DELETE, &path, None).await, (200, gone));
    for method in [Method::GET, Method::DELETE] {
        let missing = json!({ "message": "Producto no encontrado" });
        assert_eq!(web.call(method, &path, None).await, (404, missing));
    }
    assert_eq!(web.call(Method::PUT, &path, Some(json!({ "price": 1 }))).await.0, 404);
    refuses(web).await;
    config_and_health(&system).await;
}

async fn refuses(web: &Service) {
    let valid = product("x");
    let with = |field: &str, value: Value| {
        let mut sent = valid.clone();
        sent[field] = value;
        sent
    };
    let cases = [
        (json!({ "price": 1, "stock": 1 }), "Campo requerido: name"),
        (json!({ "name": "a", "stock": 1 }), "Campo requerido: price"),
        (json!({ "name": "a", "price": 1 }), "Campo requerido: stock"),
        (with("name", json!("  ")), "El nombre no puede estar vacío"),
        (with("name", json!({ "$gt": "" })), "El nombre debe ser un texto"),
        (with("price", json!(-1)), "El precio no puede ser negativo"),
        (with("price", json!({ "$gt": 0 })), "El precio debe ser un número"),
        (with("stock", json!(-1)), "El stock no puede ser negativo"),
        (with("stock", json!(1.5)), "El stock debe ser un número entero"),
        (with("category", json!(["$ne"])), "La categoría debe ser un texto"),
    ];
    for (sent, message) in cases {
        let refused = web.call(Method::POST, "/products", Some(sent)).await;
        assert_eq!(refused, (400, json!({ "message": message })));
    }
    let post = || web.request(Method::POST, "/products").bearer_auth(&web.token);
    let typed = || post().header("content-type", "application/json");
    for request in [
        typed().body("{"),
        typed().body("[]"),
        typed().body(""),
        typed().body("\u{0}"),
        post().body("name=a"),
        typed().body(format!("{{\"name\":\"{}\"}}", "x".repeat(70_000))),
        typed().body("x".repeat(1 << 20)),
        typed().body(format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000))),
    ] {
        let (status, body) = read(request.send().await.unwrap()).await;
        assert!(status == 400 && body["message"].is_string(), "{status} {body}");
    }
    for id in ["x", "123", "0123456789abcdef0123456g", "%7B%22$gt%22:%22%22%7D", "%FF"] {
        for (method, body) in [(Method::GET, None), (Method::DELETE, None), (Method::PUT, Some(json!({ "price": 1 })))]
        {
            assert_eq!(web.call(method, &format!("/products/{id}"), body).await.0, 400, "{id}");
        }
    }
    for query in ["limit=0", "limit=x", "limit=5001", "cursor=x", "q=%00", "q=a&q=b", "category[$ne]=x&limit=-1"] {
        assert_eq!(web.get(&format!("/products?{query}")).await.0, 400, "{query}");
    }
    let change = |body| web.call(Method::PUT, "/products/0123456789abcdef01234567", Some(body));
    assert_eq!(change(json!({})).await.0, 400);
    assert_eq!(change(json!({ "stock": -1 })).await.1["message"], "El stock no puede ser negativo");
    assert_eq!(web.get("/nowhere").await.0, 404);
    assert_eq!(web.call(Method::PATCH, "/products", None).await.0, 405);
}

async fn config_and_health(system: &System) {
    let fragments = json!([
        { "database": "DB1", "range": "A-M", "default": true },
        { "database": "DB2", "range": "N-Z", "default": false },
    ]);
    let (status, body) = read(system.web.request(Method::GET, "/api/config").send().await.unwrap()).await;
    assert_eq!((status, &body["fragments"]), (200, &fragments));
    let (status, body) = read(system.web.request(Method::GET, "/health").send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["checks"], json!({ "DB1": "ok", "DB2": "ok", "auth-server": "ok" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_searched_and_paged() {
    let system = System::start().await;
    let web = &system.web;
    let mut all = Vec::new();
    for number in 0..25 {
        let name = format!("{}{number}", if number % 3 == 0 { "Sal" } else { "Ajo" });
        web.create(&name).await;
        all.push(name);
    }
    for limit in [1, 2, 7, 24, 25, 26] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/products?limit={limit}&cursor={cursor}");
            let (_, body) = web.get(&path).await;
            seen.extend(web.names(&path).await);
            assert!(body["count"].as_u64().unwrap() <= limit);
            match body["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, all, "limit {limit}");
    }

    for (name, category) in [("Azúcar", "Ñoños"), ("Nandú", ""), ("A(b.*", ""), ("E\u{301}xito", "")] {
        let mut sent = product(name);
        sent["category"] = category.into();
        sent["description"] = "Descripción".into();
        assert_eq!(web.call(Method::POST, "/products", Some(sent)).await.0, 201);
    }
    let found = |query: &'static [(&'static str, &'static str)]| async move {
        let request = web.request(Method::GET, "/products").query(query).bearer_auth(&web.token);
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        let products = body["products"].as_array().unwrap();
        products.iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for text in ["azucar", "AZÚCAR", "zúc", "azu\u{301}car"] {
        let text: &'static str = text;
        let request = web.request(Method::GET, "/products").query(&[("q", text)]).bearer_auth(&web.token);
        assert_eq!(read(request.send().await.unwrap()).await.1["products"][0]["name"], "Azúcar", "{text}");
    }
    assert_eq!(found(&[("q", "ñandu")]).await, ["Nandú"]);
    assert_eq!(found(&[("q", "(b.*")]).await, ["A(b.*"]);
    assert_eq!(found(&[("q", "exito")]).await, ["E\u{301}xito"]);
    assert_eq!(found(&[("q", "DESCRIPCION"), ("category", "Ñoños")]).await, ["Azúcar"]);
    assert_eq!(found(&[("category", "$ne")]).await, Vec::<String>::new());
    assert_eq!(found(&[("q", ".*nothing.*")]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_verified_and_remembered() {
    let mut system = System::start().await;
    let bare = |token: Option<String>| {
        let request = system.web.request(Method::GET, "/products");
        let request = token.into_iter().fold(request, |request, token| request.header("authorization", token));
        async move { request.send().await.unwrap() }
    };
    for header in [None, Some("Bearer nonsense"), Some("Bearer "), Some("Basic abc"), Some("nonsense")] {
        let refused = bare(header.map(str::to_owned)).await;
        assert_eq!(refused.headers()["www-authenticate"], "Bearer");
        assert_eq!(read(refused).await.0, 401, "{header:?}");
    }
    let cookie = system.web.request(Method::GET, "/products").header("cookie", format!("session={}", system.web.token));
    assert_eq!(cookie.send().await.unwrap().status(), 401, "a cookie is no token for the API");

    let before = system.auth.known.verified.load(Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(system.web.get("/products").await.0, 200);
    }
    assert!(system.auth.known.verified.load(Ordering::SeqCst) <= before + 1);

    let short = system.auth.token("ana", "user", 2);
    assert_eq!(bare(Some(format!("Bearer {short}"))).await.status(), 200);
    system.auth.revoke(&short);
    until("the token ended", || async { (bare(Some(format!("Bearer {short}"))).await.status() == 401).then_some(()) })
        .await;

    let fresh = system.auth.token("eva", "user", 3600);
    system.auth.stop().await;
    assert_eq!(system.web.get("/products").await.0, 200, "who is known stays let in");
    let unknown = system.web.request(Method::GET, "/products").bearer_auth(&fresh).send().await.unwrap();
    assert_eq!((unknown.status().as_u16(), unknown.headers().contains_key("retry-after")), (503, true));
    let login = system.web.request(Method::POST, "/auth/login").json(&json!({ "username": "a", "password": "b" }));
    let login = login.send().await.unwrap();
    assert_eq!((login.status().as_u16(), login.headers().contains_key("retry-after")), (503, true));
    let health = until("health knows", || async {
        let (status, body) = read(system.web.request(Method::GET, "/health").send().await.unwrap()).await;
        (status == 503).then_some(body)
    })
    .await;
    assert_eq!(health["failing"], json!(["auth-server"]));
    system.auth.back().await;
    let back = system.web.request(Method::GET, "/products").bearer_auth(&fresh).send().await.unwrap();
    assert_eq!(back.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_passed_on() {
    let system = System::start().await;
    let (web, known) = (&system.web, &system.auth.known);
    let post = |path: &'static str, body: Value| async move {
        web.request(Method::POST, path).json(&body).send().await.unwrap()
    };
    let (status, body) =
        read(post("/auth/login", json!({ "username": "root", "password": "right-password" })).await).await;
    assert_eq!((status, body["token"].as_str()), (200, Some(web.token.as_str())));
    assert_eq!(known.forwarded.lock().unwrap().last().unwrap(), "127.0.0.1");
    assert_eq!(post("/auth/login", json!({ "username": "root", "password": "x" })).await.status(), 401);
    assert_eq!(post("/auth/login", json!(7)).await.status(), 400);
    known.limits.store(true, Ordering::SeqCst);
    let limited = post("/auth/login", json!({ "username": "root", "password": "x" })).await;
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "42"));

    let demo = json!({ "username": "demo", "email": "d@e.f", "password": "long-enough" });
    assert_eq!(post("/auth/register", demo.clone()).await.status(), 201);
    assert_eq!(post("/auth/register", json!({ "username": "taken" })).await.status(), 400);
    assert_eq!(post("/users/register", demo.clone()).await.status(), 401);
    assert_eq!(web.call(Method::POST, "/users/register", Some(demo)).await.0, 201);
    assert_eq!(web.get("/users").await.1["count"], 1);
    assert_eq!(web.call(Method::DELETE, "/users/..%2Fhealth%3Fx", None).await.0, 200);
    assert_eq!(*known.deleted.lock().unwrap(), ["../health?x"]);
    let user = system.auth.token("ana", "user", 3600);
    assert_eq!(web.request(Method::GET, "/users").bearer_auth(user).send().await.unwrap().status(), 403);
    assert_eq!(web.request(Method::GET, "/users").send().await.unwrap().status(), 401);
}
