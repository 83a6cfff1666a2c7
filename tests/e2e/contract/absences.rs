//! What is said while something is away, and when it is back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PASSWORD, Stage, make, newcomer, product, stage};
use crate::harness::http::Answer;
use crate::harness::{Http, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// Units that are stopped, until this is dropped: a test that fails leaves them running as well.
struct Stopped<'a> {
    stage: &'a Stage,
    container: &'static str,
    units: &'static str,
}

impl<'a> Stopped<'a> {
    fn stop(stage: &'a Stage, container: &'static str, units: &'static str) -> Self {
        let stopped = Self { stage, container, units };
        stopped.tell("stop");
        stopped
    }

    fn tell(&self, verb: &str) {
        self.stage.platform.system.guest(self.container, &format!("systemctl {verb} {}", self.units));
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.tell("start");
    }
}

const MEMBERS: &str = "mongod-27017 mongod-27018 mongod-27019";

fn failing(service: &Http) -> Value {
    let health = service.get("/health");
    let body = health.is(health.status);
    match health.status {
        200 => json!([]),
        503 => body["failing"].clone(),
        _ => panic!("{}", health.body),
    }
}

/// Waits until a service names these as failing, and no others.
#[track_caller]
fn await_failing(service: &Http, names: &Value) {
    wait_until(&format!("{names} are what fails"), PATIENCE, || failing(service) == *names);
}

#[track_caller]
fn says_when_to_come_back(answer: &Answer) {
    assert!(!answer.says(503).is_empty());
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

#[test]
fn all_is_well() {
    let stage = stage();
    for (service, name, checks) in [
        (&stage.web, "web-server", json!({ "DB1": "ok", "DB2": "ok", "auth-server": "ok" })),
        (&stage.auth, "auth-server", json!({ "DB3": "ok" })),
    ] {
        let health = service.get("/health").is(200);
        assert_eq!((&health["status"], &health["service"], &health["checks"]), (&json!("ok"), &json!(name), &checks));
        assert!(health["version"].is_string());
    }
}

#[test]
fn without_auth_server_nobody_logs_in_and_who_is_known_goes_on() {
    let stage = stage();
    let (known, unknown) = (stage.admin(), stage.web.bearer(&stage.join("rosa")));
    make(&known, "Café");
    let away = Stopped::stop(&stage, "auth", "auth");
    await_failing(&stage.web, &json!(["auth-server"]));
    known.get("/products").is(200);
    make(&known, "Sal");
    says_when_to_come_back(&unknown.get("/products"));
    says_when_to_come_back(&stage.web.post("/auth/login", &json!({ "username": "rosa", "password": PASSWORD })));
    says_when_to_come_back(&stage.web.post("/auth/register", &newcomer("nueva")));
    says_when_to_come_back(&known.get("/users"));
    drop(away);
    await_failing(&stage.web, &json!([]));
    unknown.get("/products").is(200);
    stage.log_in("rosa", PASSWORD);
}

#[test]
fn without_its_database_auth_server_says_so() {
    let stage = stage();
    let token = stage.join("ines");
    let away = Stopped::stop(&stage, "db3", "mongod-27017");
    await_failing(&stage.auth, &json!(["DB3"]));
    await_failing(&stage.web, &json!(["auth-server"]));
    says_when_to_come_back(&stage.auth.post("/auth/login", &json!({ "username": "ines", "password": PASSWORD })));
    says_when_to_come_back(&stage.auth.post("/auth/register", &newcomer("nueva")));
    // A good token stays one: products don't need the users' database.
    stage.auth.bearer(&token).send("POST", "/auth/verify", &[], b"").is(200);
    stage.web.bearer(&token).get("/products").is(200);
    drop(away);
    await_failing(&stage.auth, &json!([]));
    await_failing(&stage.web, &json!([]));
    stage.log_in("ines", PASSWORD);
}

#[test]
fn with_one_set_away_the_other_answers_and_the_list_tells() {
    let stage = stage();
    let admin = stage.admin();
    let (first, second) = (make(&admin, "Café"), make(&admin, "Sal"));
    let away = Stopped::stop(&stage, "db1", MEMBERS);
    await_failing(&stage.web, &json!(["DB1"]));
    let list = admin.get("/products").is(200);
    assert_eq!((&list["missing"], &list["count"]), (&json!(["DB1"]), &json!(1)));
    assert_eq!((&list["products"][0]["name"], &list["products"][0]["database"]), (&json!("Sal"), &json!("DB2")));
    admin.get(&format!("/products/{second}")).is(200);
    make(&admin, "Zumo");
    // Whether it is there nobody can say: not that it is not.
    says_when_to_come_back(&admin.get(&format!("/products/{first}")));
    says_when_to_come_back(&admin.post("/products", &product("Miel")));
    drop(away);
    stage.platform.admin("rsA").await_healthy(3);
    await_failing(&stage.web, &json!([]));
    let list = admin.get("/products").is(200);
    assert_eq!((list["missing"].as_array().map(Vec::len).unwrap_or_default(), &list["count"]), (0, &json!(3)));
    assert_eq!((stage.names("rsA"), stage.names("rsB")), (vec!["Café".into()], vec!["Sal".into(), "Zumo".into()]));
}

#[test]
fn with_all_sets_away_the_list_says_when_to_come_back() {
    let stage = stage();
    let admin = stage.admin();
    make(&admin, "Café");
    let away = [Stopped::stop(&stage, "db1", MEMBERS), Stopped::stop(&stage, "db2", MEMBERS)];
    await_failing(&stage.web, &json!(["DB1", "DB2"]));
    says_when_to_come_back(&admin.get("/products"));
    drop(away);
    for set in ["rsA", "rsB"] {
        stage.platform.admin(set).await_healthy(3);
    }
    await_failing(&stage.web, &json!([]));
    assert_eq!(admin.get("/products").is(200)["count"], 1);
}
