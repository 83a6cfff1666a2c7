//! Users: who they are, who may look after them, and what is kept of them.

use serde_json::{Value, json};

use super::{PASSWORD, newcomer, stage};

#[test]
fn a_user_is_kept_as_the_contract_says() {
    let stage = stage();
    let sent = json!({ "username": " Ana ", "email": " Ana.Gil@Ejemplo.ES ", "password": PASSWORD, "role": "admin" });
    stage.web.post("/auth/register", &sent).says(201);
    let kept = stage.users("client.auth_db.users.find_one({'username': 'Ana'})");
    assert_eq!((&kept["email"], &kept["role"]), (&json!("ana.gil@ejemplo.es"), &json!("user")));
    assert!(kept["password"].as_str().unwrap().starts_with("$2b$12$") && kept["created_at"]["$date"].is_string());
    let mut fields: Vec<&String> = kept.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["_id", "created_at", "email", "password", "role", "username"]);

    let taken = |name: &str, email: &str| json!({ "username": name, "email": email, "password": PASSWORD });
    for sent in [taken("Ana", "otra@ejemplo.es"), taken("aNA", "otra@ejemplo.es"), taken("otra", "ANA.GIL@ejemplo.es")]
    {
        stage.web.post("/auth/register", &sent).says(400);
        stage.auth.post("/auth/register", &sent).says(400);
    }
    for field in ["username", "email", "password"] {
        let mut sent = newcomer("otra");
        sent.as_object_mut().unwrap().remove(field);
        assert_eq!(stage.web.post("/auth/register", &sent).says(400), format!("Campo requerido: {field}"));
    }
    for (field, value) in [
        ("username", json!("x")),
        ("username", json!("a b")),
        ("username", json!({ "$ne": null })),
        ("email", json!("nada")),
        ("email", json!(["a@b.co"])),
        ("password", json!("corta")),
        ("password", json!("x".repeat(73))),
        ("password", json!({ "$gt": "" })),
    ] {
        let mut sent = newcomer("otra");
        sent[field] = value.clone();
        assert!(!stage.web.post("/auth/register", &sent).says(400).is_empty(), "{field}: {value}");
    }
    assert_eq!(stage.users("client.auth_db.users.count_documents({})"), 2);
}

#[test]
fn of_two_registrations_of_one_name_at_once_one_succeeds() {
    let stage = stage();
    let statuses = std::thread::scope(|scope| {
        let register = |number: usize| {
            let mut sent = newcomer(if number.is_multiple_of(2) { "gemela" } else { "Gemela" });
            sent["email"] = format!("gemela{number}@ejemplo.es").into();
            stage.web.post("/auth/register", &sent).status
        };
        let running: Vec<_> = (0..4).map(|number| scope.spawn(move || register(number))).collect();
        let mut statuses: Vec<u16> = running.into_iter().map(|thread| thread.join().unwrap()).collect();
        statuses.sort_unstable();
        statuses
    });
    assert_eq!(statuses, [201, 400, 400, 400]);
    assert_eq!(stage.users("client.auth_db.users.count_documents({'email': {'$regex': '^gemela'}})"), 1);
}

#[test]
fn an_unknown_user_and_a_wrong_password_get_one_answer() {
    let stage = stage();
    stage.register("luis");
    let refused = |username: Value, password: Value| {
        let sent = json!({ "username": username, "password": password });
        stage.web.post("/auth/login", &sent)
    };
    let wrong = refused("luis".into(), "no es la clave".into());
    let unknown = refused("nadie".into(), "no es la clave".into());
    assert_eq!((wrong.says(401), &wrong.body), (unknown.says(401), &unknown.body));
    for (username, password) in [
        (json!({ "$ne": null }), json!({ "$ne": null })),
        (json!("luis"), json!({ "$gt": "" })),
        (json!(["luis"]), json!(PASSWORD)),
        (Value::Null, json!(PASSWORD)),
        (json!("luis"), Value::Null),
    ] {
        refused(username, password).says(400);
    }
    // The name in any case is the same user's, and is answered as it was written.
    assert_eq!(refused("LUIS".into(), PASSWORD.into()).is(200)["username"], "luis");
}

#[test]
fn who_guesses_passwords_has_to_wait() {
    let stage = stage();
    stage.register("marta");
    let guess = || stage.web.post("/auth/login", &json!({ "username": "marta", "password": "no es la clave" }));
    let refused = (0..12).map(|_| guess()).find(|answer| answer.status != 401).expect("nobody has to wait");
    refused.says(429);
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    // Then the right one does not help either, and others are not held up.
    let right = stage.web.post("/auth/login", &json!({ "username": "marta", "password": PASSWORD }));
    right.says(429);
    stage.join("marta2");
}

#[test]
fn users_are_for_administrators() {
    let stage = stage();
    let (admin, user) = (stage.log_in("admin", &stage.password()), stage.join("pedro"));
    stage.register("sobra");
    for service in [&stage.web, &stage.auth] {
        service.get("/users").says(401);
        service.delete("/users/sobra").says(401);
        service.bearer(&user).get("/users").says(403);
        service.bearer(&user).delete("/users/sobra").says(403);
        let admin = service.bearer(&admin);
        let list = admin.get("/users");
        let names = list.is(200)["users"].as_array().unwrap().clone();
        let names: Vec<&str> = names.iter().map(|user| user["username"].as_str().unwrap()).collect();
        assert_eq!(names, ["admin", "pedro", "sobra"]);
        assert!(!list.body.contains("$2b$") && !list.body.contains("password"), "{}", list.body);
        admin.delete("/users/nadie").says(404);
        admin.delete("/users/..%2fadmin").says(404);
        // Whoever deletes the last administrator locks everybody out.
        admin.delete("/users/admin").says(400);
    }
    assert_eq!(stage.users("client.auth_db.users.count_documents({})"), 3);
    stage.web.bearer(&admin).delete("/users/sobra").says(200);
    stage.auth.bearer(&admin).delete("/users/pedro").says(200);
    assert_eq!(stage.users("client.auth_db.users.count_documents({})"), 1);
    // Who is deleted is out: the token too.
    stage.auth.bearer(&user).send("POST", "/auth/verify", &[], b"").says(401);
    stage.web.post("/auth/login", &json!({ "username": "pedro", "password": PASSWORD })).says(401);
}

#[test]
fn who_is_logged_in_registers_others() {
    let stage = stage();
    stage.web.post("/users/register", &newcomer("carla")).says(401);
    let user = stage.web.bearer(&stage.join("hugo"));
    user.post("/users/register", &newcomer("carla")).says(201);
    user.post("/users/register", &newcomer("carla")).says(400);
    stage.log_in("carla", PASSWORD);
}
