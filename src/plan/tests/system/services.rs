//! Small systems with services.

use protocol::{Escape, HealthCheck, Piece};

use super::{file, secret, shop, text, with_container, with_standalone};
use crate::desired::{Content, Desired, Init, Release, SecretKind, SecretName, Service, sha256_hex};

/// The key that every service of a test system is given.
const KEY: &str = "/var/lib/distctl/secrets/jwt";

/// A service and its database, each in its own container; once it works, an administrator is made.
pub fn blog() -> Desired {
    let desired = with_container(with_container(super::empty(), "app", 15), "db", 12);
    let desired = with_standalone(desired, "posts", "db", 27017);
    with_init(with_service(desired, "blog", &["app"], &["posts"]), "blog", "blog create-user admin")
}

/// The shop with a service behind its standalone, and one in two containers behind that and the set.
pub fn platform() -> Desired {
    let names = [("app", 15), ("web1", 16), ("web2", 17)];
    let desired = names.iter().fold(shop(), |desired, (name, octet)| with_container(desired, name, *octet));
    let desired = with_service(desired, "web", &["web1", "web2"], &["auth", "rsA"]);
    with_init(with_service(desired, "auth", &["app"], &["users"]), "auth", "auth create-user admin")
}

/// A service in containers that are declared already.
pub fn with_service(mut desired: Desired, name: &str, containers: &[&str], depends_on: &[&str]) -> Desired {
    for host in containers {
        let container = desired.containers.get_mut(*host).unwrap();
        let jwt = SecretName { owner: "jwt".into(), kind: SecretKind::Named };
        container.files.insert(KEY.into(), secret(&jwt));
        let environment_file = format!("/etc/distctl/{name}.env");
        let unit = format!("{name}.service");
        let key = Piece::Secret { file: KEY.into(), escape: Escape::Environment };
        let environment = Content::Filled(vec![Piece::Text("SECRET_KEY=".into()), key]);
        let files = [
            (format!("/usr/local/bin/{name}"), file(artifact(name, 1))),
            (environment_file.clone(), file(environment)),
            (format!("/etc/systemd/system/{unit}"), text(&format!("[Service] {name} r1"))),
        ];
        let release = Release {
            service: name.into(),
            unit,
            user: name.into(),
            revision: "r1".into(),
            files: files.into(),
            environment_file,
            health: Some(HealthCheck { host: format!("{}:3000", container.ipv4), path: "/health".into() }),
            interval_ms: 1_000,
            timeout_ms: 30_000,
            init: None,
        };
        container.releases.insert(name.into(), release);
    }
    let names = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let service = Service { name: name.into(), containers: names(containers), depends_on: names(depends_on) };
    desired.services.insert(name.into(), service);
    desired
}

/// What a service of a test system needs once, in the first of its containers.
pub fn with_init(mut desired: Desired, service: &str, command: &str) -> Desired {
    let host = desired.services[service].containers[0].clone();
    release(&mut desired, &host, service).init = Some(Init {
        command: command.split(' ').map(str::to_string).collect(),
        stdin: Vec::new(),
        secrets: Vec::new(),
        marker: format!("/var/lib/distctl/services/{service}/initialized"),
        marked: format!("{command}\n"),
    });
    desired
}

/// A version of a service's binary.
pub fn artifact(name: &str, version: u32) -> Content {
    let sha256 = sha256_hex(format!("{name} {version}").as_bytes());
    Content::Artifact { path: format!("artifacts/{name}").into(), sha256, size: 4 << 20 }
}

/// What a container has of a service.
pub fn release<'d>(desired: &'d mut Desired, container: &str, service: &str) -> &'d mut Release {
    desired.containers.get_mut(container).unwrap().releases.get_mut(service).unwrap()
}
