//! Every row of the services' contract, against the deployed services, over HTTP from inside the lab.
//!
//! What they say is compared with what is in the databases, which are asked past them.

mod absences;
mod products;
mod refusals;
mod running;
mod tokens;
mod users;

use std::sync::MutexGuard;

use serde_json::{Value, json};

use crate::harness::{Http, Mongo};
use crate::platform::{PAGE, Platform, platform};

/// The platform with no product and no user but the administrator.
struct Stage {
    platform: MutexGuard<'static, Platform>,
    /// web-server, as anybody reaches it.
    web: Http,
    /// auth-server, as only who is inside the network reaches it.
    auth: Http,
}

/// Takes the platform for a story.
fn stage() -> Stage {
    let platform = platform();
    let auth = Http::at(&format!("http://{}", platform.system.host(10, 5000)));
    let stage = Stage { platform, web: Http::at(PAGE), auth };
    for set in ["rsA", "rsB"] {
        stage.platform.admin(set).eval("client.products_db.products.delete_many({}).acknowledged");
    }
    stage.users("client.auth_db.users.delete_many({'username': {'$ne': 'admin'}}).acknowledged");
    stage
}

impl Stage {
    fn password(&self) -> String {
        self.platform.system.secret("auth", "admin")
    }

    /// Logs in, which must succeed; the token.
    #[track_caller]
    fn log_in(&self, username: &str, password: &str) -> String {
        let answer = self.web.post("/auth/login", &json!({ "username": username, "password": password })).is(200);
        assert_eq!(answer["username"], username);
        answer["token"].as_str().unwrap().to_owned()
    }

    /// web-server, for the administrator.
    #[track_caller]
    fn admin(&self) -> Http {
        self.web.bearer(&self.log_in("admin", &self.password()))
    }

    /// Registers a user with the password that all of these have.
    #[track_caller]
    fn register(&self, username: &str) {
        self.web.post("/auth/register", &newcomer(username)).is(201);
    }

    /// Registers a user and logs in; the token.
    #[track_caller]
    fn join(&self, username: &str) -> String {
        self.register(username);
        self.log_in(username, PASSWORD)
    }

    /// Asks the users' database itself.
    #[track_caller]
    fn users(&self, expression: &str) -> Value {
        let system = &self.platform.system;
        let users = Mongo::direct(&system.host(14, 27017));
        users.login("admin", &system.secret("db3", "users.admin")).eval(expression)
    }

    /// The products that a set holds, by name.
    #[track_caller]
    fn held(&self, set: &str) -> Vec<Value> {
        let all = self.platform.admin(set).eval("list(client.products_db.products.find().sort('name', 1))");
        all.as_array().unwrap().clone()
    }

    /// Names of the products that a set holds.
    #[track_caller]
    fn names(&self, set: &str) -> Vec<String> {
        self.held(set).iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect()
    }
}

const PASSWORD: &str = "una clave de prueba";

fn newcomer(username: &str) -> Value {
    json!({ "username": username, "email": format!("{username}@ejemplo.es"), "password": PASSWORD })
}

/// A product that may be made.
fn product(name: &str) -> Value {
    json!({ "name": name, "price": 12.5, "stock": 7, "description": "para la prueba", "category": "prueba" })
}

/// Makes a product; its identity.
#[track_caller]
fn make(caller: &Http, name: &str) -> String {
    id(&caller.post("/products", &product(name)).is(201)["product"])
}

#[track_caller]
fn id(product: &Value) -> String {
    product["_id"].as_str().unwrap().to_owned()
}
