//! A database that is away: at the start, and later.

use crate::fixture::{PASSWORD, Server, database, until};
use crate::mongod::{Mongod, free_port};

#[test]
fn starts_without_its_database_and_works_once_it_is_there() {
    let port = free_port();
    let server = Server::spawn(database(port), &[]);
    let health = server.get("/health");
    assert_eq!((health.status, health.json()["failing"].to_string()), (503, r#"["DB3"]"#.to_owned()));
    assert_eq!(health.json()["checks"]["DB3"], "unavailable");
    let refused = server.register("ana");
    assert_eq!((refused.status, refused.retry_after() > 0), (503, true));
    assert_eq!(server.login("ana", PASSWORD).status, 503);

    let mongod = Mongod::start(port);
    until("the service is healthy", || server.get("/health").status == 200);
    assert_eq!(server.register("ana").status, 201);
    let token = server.token("ana");
    let admin = server.admin("root");

    drop(mongod);
    until("the service says that it is not", || server.get("/health").status == 503);
    // A good token is good for as long as nobody can say otherwise.
    assert_eq!(server.with_token("POST", "/auth/verify", &token).status, 200);
    let refused = server.with_token("GET", "/users", &admin);
    assert_eq!((refused.status, refused.retry_after() > 0), (503, true));
    let refused = server.login("ana", PASSWORD);
    assert_eq!((refused.status, refused.retry_after() > 0), (503, true));
    assert_eq!(server.with_token("POST", "/auth/verify", "x.y.z").status, 401);
    assert_eq!(server.get("/").status, 200);

    let _mongod = Mongod::start(port);
    until("the service is healthy again", || server.get("/health").status == 200);
}
