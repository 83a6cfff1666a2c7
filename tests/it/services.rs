//! Services from the command line: deployed, shown, restarted, removed; secrets for people; exposed ports.

use protocol::{Failure, Request};
use serde_json::{Value, json};

use crate::fake::File;
use crate::system::System;

/// A service with its database.
const BLOG: &str = "\
name: shop
network: { name: shop0, ipv4: 10.9.0.1/24 }
image: debian/12
artifacts: { mongod: { path: mongod }, blog: { path: blog } }
containers:
  app: { ipv4: 10.9.0.10 }
  db: { ipv4: 10.9.0.11 }
mongodb:
  binary: mongod
  standalone: { posts: { container: db, port: 27017 } }
services:
  blog:
    container: app
    binary: blog
    port: 3000
    environment:
      DB_URL: \"{{ mongodb.posts.uri(db='posts') }}\"
      SECRET_KEY: \"{{ secret('jwt') }}\"
    healthcheck: { http: /health, timeout: 5s }
    init: { command: blog create-user --admin admin, stdin: \"{{ secret('admin') }}\\n\" }
    depends_on: [posts]
expose:
  page: { listen: '127.0.0.1:3000', to: 'app:3000' }
  admin: { listen: '0.0.0.0:3001', to: 'app:3000' }
";

/// A blog before its first `up`.
fn blog() -> System {
    let system = System::new(BLOG);
    std::fs::write(system.folder.path().join("blog"), "a small blog").unwrap();
    system
}

/// A blog that is up.
fn settled() -> System {
    let system = blog();
    system.up().ended(0, &["shop is up and verified"]);
    system
}

/// A file in a container.
fn file(system: &System, container: &str, path: &str) -> Option<File> {
    system.fake.world().instances[container].files.get(path).cloned()
}

fn text(system: &System, container: &str, path: &str) -> String {
    let found = file(system, container, path).unwrap_or_else(|| panic!("no {path} in {container}"));
    String::from_utf8(found.content).unwrap()
}

fn secret(system: &System, name: &str) -> String {
    text(system, "app", &format!("/var/lib/distctl/secrets/{name}"))
}

/// What agents were asked that changes something.
fn asked(system: &System) -> Vec<(String, &'static str)> {
    system.agents.asked().into_iter().filter(|(_, verb)| *verb != "inspect").collect()
}

#[test]
fn up_deploys_a_service_and_shows_the_password_that_it_made_once() {
    let system = blog();
    let ran = system.up();
    ran.ended(0, &["the secret `admin` is in use now", "distctl secret show admin"]);
    let admin = secret(&system, "admin");
    assert_eq!(ran.stderr.matches(&admin).count(), 1, "{}", ran.stderr);
    assert!(!ran.stdout.contains(&admin), "{}", ran.stdout);
    assert_eq!(text(&system, "app", "/var/lib/fake/told/blog"), format!("{admin}\n"));

    let environment = file(&system, "app", "/etc/distctl/blog.env").unwrap();
    assert_eq!(environment.attributes, (0, 0, 0o600));
    let environment = String::from_utf8(environment.content).unwrap();
    let url = format!("mongodb://blog:{}@10.9.0.11:27017/posts?", secret(&system, "posts.blog"));
    assert!(environment.contains(&url) && environment.contains(&secret(&system, "jwt")), "{environment}");
    assert_eq!(text(&system, "app", "/usr/local/bin/blog"), "a small blog");
    assert!(text(&system, "app", "/etc/systemd/system/blog.service").contains("User=blog\n"));

    system.agents.forget();
    let again = system.up();
    again.ended(0, &["nothing to do: shop is as declared"]);
    assert_eq!(asked(&system), []);
    assert!(!again.stderr.contains(&admin) && !again.stdout.contains(&admin));
    system.assert_settled();
}

#[test]
fn a_password_is_not_shown_again_when_what_was_put_down_is_brought_back() {
    let system = settled();
    let admin = secret(&system, "admin");
    system.run(&["down", "--yes"]).ended(0, &[]);
    let again = system.up();
    again.ended(0, &["shop is up and verified"]);
    assert!(!again.stderr.contains(&admin) && !again.stdout.contains(&admin), "{}", again.stderr);
    // A container that is lost takes what was put into it once along: its service is told anew, and so is the person.
    system.run(&["destroy", "--yes", "--only", "app"]).ended(0, &[]);
    let anew = system.up();
    assert!(anew.stderr.contains(&secret(&system, "admin")), "{}", anew.stderr);
}

#[test]
fn a_file_that_is_declared_no_more_is_listed_and_removed() {
    let with =
        BLOG.replace("    healthcheck", "    files: { /etc/blog/theme.css: { content: 'a {}' } }\n    healthcheck");
    let system = System::new(&with);
    std::fs::write(system.folder.path().join("blog"), "a small blog").unwrap();
    system.up().ended(0, &["shop is up and verified"]);
    assert_eq!(text(&system, "app", "/etc/blog/theme.css"), "a {}");
    std::fs::write(system.folder.path().join("topology.yaml"), BLOG).unwrap();
    let plan = system.run(&["plan"]);
    assert!(plan.stdout.contains("/etc/blog/theme.css: of the release before -> removed (restart)"), "{}", plan.stdout);
    system.up().ended(0, &["shop is up and verified"]);
    assert!(file(&system, "app", "/etc/blog/theme.css").is_none());
    system.assert_settled();
}

#[test]
fn nothing_but_the_note_tells_a_secret() {
    let system = blog();
    let mut shown = vec![system.run(&["plan", "--output", "json", "-vv"])];
    let up = system.run(&["up", "--yes", "-vv", "--progress", "json"]);
    up.ended(0, &[]);
    let admin = secret(&system, "admin");
    // A secret and what is filled with it are on their way once more.
    system.fake.world().instances.get_mut("app").unwrap().files.remove("/var/lib/distctl/secrets/jwt");
    let plan = system.run(&["plan", "--output", "json", "-vv"]);
    let verbs: Vec<String> =
        plan.json()["steps"].as_array().unwrap().iter().map(|step| step["action"].as_str().unwrap().into()).collect();
    assert_eq!(verbs, ["write_files", "deploy_service"]);
    shown.push(plan);
    let before = system.secrets();
    shown.push(system.run(&["up", "--yes", "-vv"]));
    shown.push(system.run(&["status", "--output", "json", "-vv"]));
    shown.push(system.run(&["render", "--output", "json"]));
    shown.push(system.run(&["secret", "list"]));
    let secrets: Vec<String> = [before, system.secrets()].concat();
    assert!(secrets.len() >= 8 && secrets.iter().all(|secret| secret.len() == 32), "{}", secrets.len());
    for ran in &shown {
        let told = secrets.iter().find(|secret| ran.stdout.contains(*secret) || ran.stderr.contains(*secret));
        assert_eq!(told, None, "{ran:?}");
    }
    let told: Vec<_> = secrets.iter().filter(|secret| up.stderr.contains(*secret)).collect();
    assert_eq!(told.first(), Some(&&admin));
    assert!(told.iter().all(|secret| **secret == admin), "up told another secret");
}

#[test]
fn a_person_reads_a_secret_and_lists_their_names() {
    let system = blog();
    system.run(&["secret", "show", "admin"]).ended(1, &["admin", "app"]);
    system.up().ended(0, &[]);
    let admin = secret(&system, "admin");
    let shown = system.run(&["secret", "show", "admin"]);
    assert_eq!((shown.code, shown.stdout.trim(), shown.stderr.as_str()), (Some(0), admin.as_str(), ""));
    let shown = system.run(&["secret", "show", "jwt", "--output", "json"]);
    assert_eq!(shown.json(), json!({ "name": "jwt", "value": secret(&system, "jwt") }));
    let listed = system.run(&["secret", "list", "--output", "json"]);
    let expected = json!([{ "name": "admin", "container": "app" }, { "name": "jwt", "container": "app" }]);
    assert_eq!(listed.json(), expected);
    let table = system.run(&["secret", "list"]).stdout;
    assert!(table.contains("SECRET") && table.contains("KEPT IN") && table.contains("jwt"), "{table}");
    let unknown = system.run(&["secret", "show", "root"]);
    unknown.ended(1, &["the topology names no secret root", "it names admin, jwt"]);
}

#[test]
fn a_secret_that_was_not_made_yet_is_said_to_be_so() {
    let system = settled();
    system.fake.world().instances.get_mut("app").unwrap().files.remove("/var/lib/distctl/secrets/admin");
    system.run(&["secret", "show", "admin"]).ended(1, &["admin is not in app", "it is made by `distctl up`"]);
}

#[test]
fn open_prints_what_the_host_offers() {
    let system = blog();
    let opened = system.run(&["open"]);
    assert_eq!((opened.code, opened.stderr.as_str()), (Some(0), ""));
    for word in ["NAME", "page", "http://127.0.0.1:3000", "http://127.0.0.1:3001", "app:3000"] {
        assert!(opened.stdout.contains(word), "no {word} in {}", opened.stdout);
    }
    let one = system.run(&["open", "page", "--output", "json"]);
    assert_eq!(one.json(), json!([{ "name": "page", "url": "http://127.0.0.1:3000", "to": "app:3000" }]));
    system.run(&["open", "shop"]).ended(1, &["nothing is exposed as shop", "admin, page"]);
    system.write(BLOG.split("expose:").next().unwrap());
    system.run(&["open"]).ended(1, &["the topology exposes nothing", "add `expose:"]);
    assert_eq!(system.fake.requests().len(), 0, "Incus is not asked");
}

#[test]
fn a_release_that_does_not_work_is_named_with_its_log_and_tried_again() {
    let system = settled();
    std::fs::write(system.folder.path().join("blog"), "a broken blog").unwrap();
    system.agents.before(|_, _, request| {
        let Request::DeployService(asked) = request else { return None };
        let failure = Failure::new(&asked.unit, "the new release does not stay up; the one before runs on");
        Some(failure.with_log(vec!["SECRET_KEY is too short".into()]).with_hint("mend the new release"))
    });
    let ran = system.up();
    ran.ended(1, &["could not deploy blog in app", "the one before runs on", "SECRET_KEY is too short"]);
    ran.ended(1, &["Hint: mend the new release"]);
    assert_eq!(text(&system, "app", "/usr/local/bin/blog"), "a small blog");
    assert_eq!(system.lease(), None);
    assert_eq!(system.run(&["plan", "--exit-code"]).code, Some(2));

    system.agents.before(|_, _, _| None);
    system.agents.forget();
    system.up().ended(0, &["shop is up and verified"]);
    assert_eq!(asked(&system), [("app".to_string(), "deploy_service")]);
    assert_eq!(text(&system, "app", "/usr/local/bin/blog"), "a broken blog");
    system.assert_settled();
}

#[test]
fn a_first_deployment_that_fails_is_tried_again_and_its_secret_can_be_read() {
    let system = blog();
    let fails = |request: &Request| matches!(request, Request::DeployService(_));
    system.agents.before(move |_, _, request| fails(request).then(|| Failure::new("blog.service", "does not stay up")));
    system.up().ended(1, &["could not deploy blog in app", "blog.service: does not stay up"]);
    system.agents.before(|_, _, _| None);
    system.up().ended(0, &["shop is up and verified", "the secret `admin` is in use now"]);
    let admin = secret(&system, "admin");
    assert_eq!(text(&system, "app", "/var/lib/fake/told/blog"), format!("{admin}\n"));
    assert_eq!(system.run(&["secret", "show", "admin"]).stdout.trim(), admin);
}

#[test]
fn a_service_that_complains_is_waited_for_in_vain_and_named() {
    let system = settled();
    let complaint = File { directory: false, attributes: (0, 0, 0o600), content: b"503 posts is away".to_vec() };
    let path = "/run/fake/complaints/blog".to_string();
    system.fake.world().instances.get_mut("app").unwrap().files.insert(path.clone(), complaint);
    let plan = system.run(&["plan"]).stdout;
    assert!(plan.contains("wait until blog in app works: 503 posts is away"), "{plan}");
    let status = system.run(&["status", "--output", "json"]);
    assert_eq!((status.code, &status.json()["services"][0]["state"]), (Some(3), &json!("fails: 503 posts is away")));
    system.up().ended(1, &["could not wait until blog in app works", "a line of its log"]);
    system.fake.world().instances.get_mut("app").unwrap().files.remove(&path);
    system.up().ended(0, &["nothing to do"]);
}

#[test]
fn a_service_is_restarted_by_name() {
    let system = settled();
    system.agents.forget();
    system.run(&["restart", "blog", "--yes"]).ended(0, &["restart blog in app", "restarted"]);
    let expected = ["units", "wait_service"].map(|verb| ("app".to_string(), verb));
    assert_eq!(asked(&system), expected);
    system.run(&["restart", "blgo", "--yes"]).ended(1, &["nothing named blgo (did you mean blog?)"]);
}

#[test]
fn status_shows_services() {
    let system = settled();
    let status = system.run(&["status"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    let row =
        status.stdout.lines().find(|line| line.contains("10.9.0.10:3000")).unwrap_or_else(|| panic!("{status:?}"));
    for word in ["blog", "app", "works", "1.0.0"] {
        assert!(row.contains(word), "no {word} in {row}");
    }
    assert!(status.stdout.contains("SERVICE"), "{}", status.stdout);
    let status = system.run(&["status", "--output", "json"]).json();
    let expected = json!([{ "service": "blog", "container": "app", "address": "10.9.0.10:3000", "state": "works",
        "version": "1.0.0", "restarts": 0, "health": "good" }]);
    assert_eq!(status["services"], expected);
    assert_eq!(status["containers"][0]["units"], "1/1");
    // Before it is there, a row says so.
    let status = blog().run(&["status", "--output", "json"]).json();
    assert_eq!(status["services"][0]["health"], "down");
}

#[test]
fn a_service_that_is_declared_no_more_leaves_nothing_but_its_data() {
    let system = settled();
    let (head, rest) = BLOG.split_once("services:").unwrap();
    let (_, expose) = rest.split_once("expose:").unwrap();
    system.write(&format!("{head}expose:{expose}"));
    system.up().ended(0, &["remove service blog in app", "shop is up and verified"]);
    let left: Vec<String> = {
        let world = system.fake.world();
        let files = world.instances["app"].files.keys();
        files.filter(|path| path.contains("blog") && !path.starts_with("/var/lib/")).cloned().collect()
    };
    assert_eq!(left, Vec::<String>::new());
    system.assert_settled();
}

/// The devices of a container and its description.
fn instance(system: &System) -> (Vec<String>, Value) {
    let world = system.fake.world();
    let object = &world.instances["app"].object;
    (object["devices"].as_object().unwrap().keys().cloned().collect(), object["description"].clone())
}

#[test]
fn exposed_ports_come_and_go_and_leave_all_else() {
    let system = settled();
    assert_eq!(instance(&system).0, ["eth0", "expose-admin", "expose-page"]);
    {
        let mut world = system.fake.world();
        let object = &mut world.instances.get_mut("app").unwrap().object;
        object["devices"]["backups"] = json!({ "type": "disk", "path": "/backups", "source": "/srv" });
        object["description"] = json!("my own words");
        world.requests.clear();
    }
    // Another address: only the device that changed is sent.
    system.write(&BLOG.replace("127.0.0.1:3000", "127.0.0.1:8080"));
    system.up().ended(0, &["device expose-page", "127.0.0.1:8080"]);
    let patched: Vec<Value> =
        system.fake.requests().iter().filter(|one| one.method == "PATCH").map(|one| one.body.clone()).collect();
    assert_eq!(patched.len(), 1);
    let proxy = json!({ "type": "proxy", "listen": "tcp:127.0.0.1:8080", "connect": "tcp:10.9.0.10:3000" });
    assert_eq!(patched[0]["devices"], json!({ "expose-page": proxy }));
    assert_eq!(system.fake.count("PUT", "/1.0/instances/app"), 0);

    // Taken back: the instance is written whole, with all that others gave it.
    system.write(&BLOG.replace("  page: { listen: '127.0.0.1:3000', to: 'app:3000' }\n", ""));
    system.up().ended(0, &["device expose-page"]);
    assert_eq!(system.fake.count("PUT", "/1.0/instances/app"), 1);
    let (devices, description) = instance(&system);
    assert_eq!(devices, ["backups", "eth0", "expose-admin"]);
    assert_eq!(description, "my own words");
    system.assert_settled();
}
