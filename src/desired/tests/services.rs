//! What a service is made of, and what makes it start anew.

mod commands;
mod texts;

use std::fs;

use insta::{assert_debug_snapshot, assert_snapshot};

use super::super::filled::outline;
use super::super::{Content, Desired, Release};
use super::{expanded, tried};

/// A binary in two containers, and a program of a container's own.
const PLATFORM: &str = r#"
name: shop
network: { name: br0, ipv4: 10.1.0.1/24 }
artifacts: { web: { path: bin/web } }
containers:
  db1: { ipv4: 10.1.0.11 }
  db2: { ipv4: 10.1.0.12 }
  web1: { ipv4: 10.1.0.20, packages: [curl] }
  web2: { ipv4: 10.1.0.21 }
mongodb:
  binary: /usr/bin/mongod
  replica_sets:
    rsA: { members: [{ container: db1, port: 27017 }, { container: db2, port: 27017 }] }
  standalone:
    users: { container: db1, port: 27020 }
fragmentation:
  products:
    collection: shop.products
    key: name
    fragments: [{ range: A-M, on: rsA, default: true }, { range: N-Z, on: users }]
services:
  Web:
    container: [web1, web2]
    binary: web
    port: 3000
    environment:
      DB1_URL: "{{ mongodb.rsA.uri(db='shop') }}"
      DB2_URL: "{{ mongodb.users.uri(db='shop') }}"
      HOST: "{{ containers.web1.ipv4 }}"
      PRICE: '5 "$"'
      SECRET_KEY: "{{ secret('jwt') }}"
    files:
      /etc/web/ranges.json: { content: "{{ fragmentation.products.json }}" }
      /etc/web/key: { template: key.tmpl, mode: "0600" }
      /etc/web/logo.svg: { source: logo.svg, mode: "0644" }
    healthcheck: { http: /health, interval: 500ms, timeout: 20s }
    init: { command: "web seed --all", stdin: "{{ secret('admin') }}\n" }
    depends_on: [rsA, users, shop]
  shop:
    container: web1
    command: [python3, /srv/app.py, --title, "the shop"]
    port: 80
    user: www-data
    working_dir: /srv
    packages: [python3, curl]
"#;

/// The folder of a platform.
struct Beside(tempfile::TempDir);

impl Beside {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        for (name, text) in
            [("bin/web", "a binary"), ("key.tmpl", "key = {{ secret('jwt') }}\n"), ("logo.svg", "<svg/>")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn expanded(&self, text: &str) -> Desired {
        tried(text, self.0.path()).unwrap_or_else(|findings| panic!("{findings}"))
    }
}

fn release<'d>(desired: &'d Desired, container: &str, service: &str) -> &'d Release {
    &desired.containers[container].releases[service]
}

#[test]
fn files_of_a_service() {
    let desired = Beside::new().expanded(PLATFORM);
    let web = release(&desired, "web2", "Web");
    let list: Vec<String> = web
        .files
        .iter()
        .map(|(path, file)| {
            let content = match &file.content {
                Content::Filled(pieces) => outline(pieces).lines().next().unwrap_or_default().to_owned(),
                Content::Artifact { size, .. } => format!("{size} bytes of this host"),
                other => format!("{other:?}"),
            };
            format!("{:04o} {}:{} {path} {content}", file.mode, file.owner, file.group)
        })
        .collect();
    assert_snapshot!(list.join("\n"), @r#"
    0600 root:root /etc/distctl/Web.env # Written by distctl; a change made here is undone by the next `distctl up`.
    0644 root:root /etc/systemd/system/Web.service Bytes(1284)
    0600 root:web /etc/web/key key = </var/lib/distctl/secrets/jwt>
    0644 root:web /etc/web/logo.svg 6 bytes of this host
    0640 root:web /etc/web/ranges.json {"collection":"shop.products","key":"name","fragments":[{"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"users"}]}
    0755 root:root /usr/local/bin/Web 8 bytes of this host
    "#);
}

#[test]
fn what_a_release_is_asked_and_what_is_run_once() {
    let desired = Beside::new().expanded(PLATFORM);
    let web = release(&desired, "web1", "Web");
    assert_debug_snapshot!((&web.user, &web.health, web.interval_ms, web.timeout_ms, &web.init), @r#"
    (
        "web",
        Some(
            HealthCheck {
                host: "10.1.0.20:3000",
                path: "/health",
            },
        ),
        500,
        20000,
        Some(
            Init {
                command: [
                    "web",
                    "seed",
                    "--all",
                ],
                stdin: [
                    Secret {
                        file: "/var/lib/distctl/secrets/admin",
                        escape: Plain,
                    },
                    Text(
                        "\n",
                    ),
                ],
                secrets: [
                    SecretName {
                        owner: "admin",
                        kind: Named,
                    },
                ],
                marker: "/var/lib/distctl/services/Web/initialized",
                marked: "web seed --all\n",
            },
        ),
    )
    "#);
    assert_eq!(release(&desired, "web2", "Web").init, None, "it is run in the first container alone");
    let shop = release(&desired, "web1", "shop");
    assert_eq!((&shop.health, shop.interval_ms, shop.timeout_ms), (&None, 1_000, 30_000));
    assert_debug_snapshot!(desired.services["Web"], @r#"
    Service {
        name: "Web",
        containers: [
            "web1",
            "web2",
        ],
        depends_on: [
            "rsA",
            "users",
            "shop",
        ],
    }
    "#);
}

#[test]
fn a_container_gets_packages_and_secrets_of_its_services() {
    let desired = Beside::new().expanded(PLATFORM);
    let web1 = &desired.containers["web1"];
    assert_eq!(web1.packages, ["curl", "python3"]);
    let secrets: Vec<&String> = web1.files.keys().filter(|path| path.contains("/secrets/")).collect();
    assert_debug_snapshot!(secrets, @r#"
    [
        "/var/lib/distctl/secrets/admin",
        "/var/lib/distctl/secrets/jwt",
        "/var/lib/distctl/secrets/rsA.Web",
        "/var/lib/distctl/secrets/users.Web",
    ]
    "#);
    assert!(web1.directories.iter().any(|one| one.path == "/var/lib/distctl/secrets" && one.mode == 0o700));
}

#[test]
fn a_revision_changes_with_all_that_a_service_is_started_with() {
    let beside = Beside::new();
    let of = |text: &str, service: &str| release(&beside.expanded(text), "web1", service).revision.clone();
    let (web, shop) = (of(PLATFORM, "Web"), of(PLATFORM, "shop"));
    assert_eq!(web.len(), 16);
    assert_ne!(web, shop);
    assert_eq!(web, release(&beside.expanded(PLATFORM), "web2", "Web").revision);

    let changed = |from: &str, to: &str| {
        assert!(PLATFORM.contains(from), "{from}");
        let text = PLATFORM.replace(from, to);
        (of(&text, "Web") != web, of(&text, "shop") != shop)
    };
    assert_eq!(changed("PRICE: '5", "PRICE: '6"), (true, false), "the environment");
    assert_eq!(changed("secret('jwt')", "secret('jwt2')"), (true, false), "another secret");
    assert_eq!(changed("mode: \"0600\"", "mode: \"0640\""), (false, false), "a mode is compared by itself");
    assert_eq!(changed("working_dir: /srv", "working_dir: /opt"), (false, true), "the unit");
    assert_eq!(changed("the shop", "a shop"), (false, true), "the command");
    assert_eq!(changed("interval: 500ms", "interval: 1s"), (false, false), "how it is asked");
    assert_eq!(changed("web seed --all", "web seed"), (false, false), "what is run once");

    fs::write(beside.0.path().join("bin/web"), "another binary").unwrap();
    assert_ne!(of(PLATFORM, "Web"), web, "the binary");
    assert_eq!(of(PLATFORM, "shop"), shop);
}

#[test]
fn files_that_are_not_there_are_named() {
    let beside = Beside::new();
    for name in ["bin/web", "key.tmpl", "logo.svg"] {
        fs::remove_file(beside.0.path().join(name)).unwrap();
    }
    let shown = tried(PLATFORM, beside.0.path()).unwrap_err().render(false);
    assert_snapshot!(shown.replace(beside.0.path().to_str().unwrap(), "FOLDER"), @r#"
    error: `FOLDER/bin/web` can't be read: No such file or directory (os error 2)
     --> topology.yaml:4:27
      |
    4 | artifacts: { web: { path: bin/web } }
      |                           ^^^^^^^
      |
      = help: put the file there, or write where it is

    error: `key.tmpl` can't be read: No such file or directory (os error 2)
      --> topology.yaml:34:33
       |
    34 |       /etc/web/key: { template: key.tmpl, mode: "0600" }
       |                                 ^^^^^^^^
       |
       = help: put the file there, or write where it is

    error: `FOLDER/logo.svg` can't be read: No such file or directory (os error 2)
      --> topology.yaml:35:36
       |
    35 |       /etc/web/logo.svg: { source: logo.svg, mode: "0644" }
       |                                    ^^^^^^^^
       |
       = help: put the file there, or write where it is
    "#);
}

#[test]
fn exposed_ports_are_devices() {
    let desired = expanded(&format!(
        "{}\nexpose: {{ page: {{ listen: '127.0.0.1:3000', to: 'web:8080' }}, other: {{ listen: '0.0.0.0:81', to: 'db1:81' }} }}\n",
        super::SHOP
    ));
    assert_debug_snapshot!(desired.containers["web"].devices["expose-page"], @r#"
    {
        "connect": "tcp:10.1.0.20:8080",
        "listen": "tcp:127.0.0.1:3000",
        "type": "proxy",
    }
    "#);
    assert_eq!(desired.containers["web"].devices.len(), 2);
    assert!(desired.containers["db1"].devices.contains_key("expose-other"));
}
