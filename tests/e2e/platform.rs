//! The product platform, brought up once: five containers, two sets of three, one single mongod, two services.
//!
//! Who takes it finds it as declared, and must leave it so that `up` mends it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::harness::{Lab, Mongo, Ran, System};

/// The platform's parts with names of the test's own.
pub struct Platform {
    pub system: System,
    /// The `up` that built it from nothing.
    pub birth: Ran,
}

/// The platform, for one test at a time. It stays until the lab goes.
pub fn platform() -> MutexGuard<'static, Platform> {
    static PLATFORM: OnceLock<Mutex<Platform>> = OnceLock::new();
    let platform = PLATFORM.get_or_init(|| {
        let system = System::declare("plat", 1, &topology());
        let birth = system.distctl(&["up", "-v"]);
        Mutex::new(Platform { system, birth })
    });
    let platform = platform.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(platform.birth.code, Some(0), "the platform does not come up:\n{}", platform.birth.all());
    platform.system.up();
    platform
}

impl Platform {
    /// A client of `rsA` or `rsB` that has not logged in.
    pub fn anonymous(&self, set: &str) -> Mongo {
        let last = if set == "rsA" { 12 } else { 13 };
        let hosts: Vec<String> = (27017..27020).map(|port| self.system.host(last, port)).collect();
        Mongo::set(set, &hosts)
    }

    /// A client of `rsA` or `rsB` as the administrator.
    pub fn admin(&self, set: &str) -> Mongo {
        let container = if set == "rsA" { "db1" } else { "db2" };
        self.anonymous(set).login("admin", &self.system.secret(container, &format!("{set}.admin")))
    }
}

/// Where the page is, inside the lab.
pub const PAGE: &str = "http://127.0.0.1:18001";

/// Names of all containers, without the system's.
pub const CONTAINERS: [&str; 5] = ["auth", "web", "db1", "db2", "db3"];

/// The topology, with the binaries that `make apps` builds.
fn topology() -> String {
    TOPOLOGY.replace("ARTIFACTS", &Lab::project_file("artifacts").display().to_string())
}

const TOPOLOGY: &str = "
containers:
  NAME-auth: { ipv4: NET.10 }
  NAME-web: { ipv4: NET.11 }
  NAME-db1: { ipv4: NET.12, packages: [libcurl4], limits: { memory: 2GiB } }
  NAME-db2: { ipv4: NET.13, packages: [libcurl4], limits: { memory: 4GiB } }
  NAME-db3: { ipv4: NET.14, packages: [libcurl4] }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    rsA:
      members:
        - { container: NAME-db1, port: 27017, priority: 3 }
        - { container: NAME-db1, port: 27018, priority: 2 }
        - { container: NAME-db1, port: 27019, priority: 1 }
    rsB:
      members:
        - { container: NAME-db2, port: 27017, priority: 3 }
        - { container: NAME-db2, port: 27018, priority: 2 }
        - { container: NAME-db2, port: 27019, priority: 1 }
  standalone:
    users: { container: NAME-db3, port: 27017 }
services:
  auth:
    container: NAME-auth
    binary: ARTIFACTS/auth-server
    port: 5000
    environment:
      PORT: \"5000\"
      SECRET_KEY: \"{{ secret('jwt') }}\"
      DB3_URL: \"{{ mongodb.users.uri(db='auth_db') }}\"
      TRUSTED_PROXIES: \"{{ containers.NAME-web.ipv4 }}\"
    healthcheck: { http: /health }
    depends_on: [users]
    init: { command: [auth, create-user, --admin, admin], stdin: \"{{ secret('admin') }}\" }
  web:
    container: NAME-web
    binary: ARTIFACTS/web-server
    port: 3000
    environment:
      PORT: \"3000\"
      SECRET_KEY: \"{{ secret('web') }}\"
      AUTH_SERVER_URL: \"http://NAME-auth:5000\"
      DB1_URL: \"{{ mongodb.rsA.uri(db='products_db') }}\"
      DB2_URL: \"{{ mongodb.rsB.uri(db='products_db') }}\"
      FRAGMENTATION_FILE: /etc/web/fragmentation.json
    files:
      /etc/web/fragmentation.json: { content: \"{{ fragmentation.products.json }}\" }
    healthcheck: { http: /health }
    depends_on: [auth, rsA, rsB]
fragmentation:
  products:
    collection: products_db.products
    key: name
    fragments:
      - { range: A-M, on: rsA, default: true }
      - { range: N-Z, on: rsB }
expose:
  web: { listen: \"127.0.0.1:18001\", to: \"NAME-web:3000\" }
";
