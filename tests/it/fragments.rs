//! Fragments from the command line: what a check prints and ends with, when documents are moved.

use protocol::{Example, Failure, Found, FragmentAsk, FragmentScan, Request, Tally};
use serde_json::json;

use crate::fake::{File, SCANS};
use crate::system::System;

/// A collection over two standalones, and a service that routes by its rule.
const SHOP: &str = "\
name: shop
network: { name: shop0, ipv4: 10.9.0.1/24 }
image: debian/12
artifacts: { mongod: { path: mongod }, web: { path: web } }
containers:
  app: { ipv4: 10.9.0.10 }
  db1: { ipv4: 10.9.0.11 }
  db2: { ipv4: 10.9.0.12 }
mongodb:
  binary: mongod
  standalone:
    one: { container: db1, port: 27017 }
    two: { container: db2, port: 27017 }
services:
  web:
    container: app
    binary: web
    port: 3000
    environment: { ONE: \"{{ mongodb.one.uri(db='shop') }}\", TWO: \"{{ mongodb.two.uri(db='shop') }}\" }
    files: { /etc/web/rule.json: { content: \"{{ fragmentation.products.json }}\" } }
    healthcheck: { http: /health, timeout: 5s }
    init: { command: web create-user --admin admin, stdin: \"{{ secret('admin') }}\" }
    depends_on: [one, two]
fragmentation:
  products:
    collection: shop.products
    key: name
    fragments:
      - { range: A-M, on: one, default: true }
      - { range: N-Z, on: two }
";

fn settled() -> System {
    let system = System::new(SHOP);
    std::fs::write(system.folder.path().join("web"), "a small shop").unwrap();
    system.up().ended(0, &["shop is up and verified"]);
    system
}

/// Leaves what a look through a fragment sees.
fn leave(system: &System, container: &str, on: &str, scan: &FragmentScan) {
    let content = serde_json::to_vec(scan).unwrap();
    let file = File { directory: false, attributes: (0, 0, 0o600), content };
    system.fake.world().instances.get_mut(container).unwrap().files.insert(format!("{SCANS}{on}"), file);
}

fn misplaced(count: u64) -> FragmentScan {
    let example = Example { id: "7".into(), key: Some("Sal".into()), why: "two".into() };
    FragmentScan {
        documents: 10,
        bytes: 1_000,
        letters: [("S".to_owned(), Tally { documents: 10, bytes: 1_000 })].into(),
        misplaced: Found { count, examples: vec![example] },
        belongs: [("two".to_owned(), count)].into(),
        ..FragmentScan::default()
    }
}

fn asked(system: &System, verb: &str) -> usize {
    system.agents.asked().iter().filter(|(_, asked)| *asked == verb).count()
}

#[test]
fn a_new_system_moves_nothing_and_other_ranges_do() {
    let system = settled();
    assert_eq!(asked(&system, "fragment"), 0, "nothing was looked through");
    system.assert_settled();
    system.write(&SHOP.replace("A-M", "A-F").replace("N-Z", "G-Z"));
    system.agents.forget();
    let plan = system.run(&["plan"]).stdout;
    assert!(plan.contains("move misplaced documents of products: its ranges have changed  [after 1]"), "{plan}");
    assert_eq!(asked(&system, "fragment"), 0, "a plan looks through nothing");
    system.up().ended(0, &["move misplaced documents of products", "shop is up and verified"]);
    let verbs: Vec<&str> =
        system.agents.asked().iter().map(|(_, verb)| *verb).filter(|verb| *verb != "inspect").collect();
    let first = verbs.iter().position(|verb| *verb == "fragment").unwrap();
    assert!(verbs[..first].contains(&"deploy_service"), "the service routes by the new rule first: {verbs:?}");
    assert_eq!(verbs.last(), Some(&"write"), "what was done is written down last");
    system.assert_settled();
}

#[test]
fn a_move_that_fails_is_tried_again() {
    let system = settled();
    system.write(&SHOP.replace("A-M", "A-F").replace("N-Z", "G-Z"));
    system.agents.before(|_, _, request| {
        let Request::Fragment(asked) = request else { return None };
        matches!(asked.ask, FragmentAsk::Misplaced { .. }).then(|| Failure::new("shop.products on one", "is away"))
    });
    system.up().ended(1, &["could not move misplaced documents of products", "shop.products on one: is away"]);
    system.agents.before(|_, _, _| None);
    system.up().ended(0, &["move misplaced documents of products"]);
    system.assert_settled();
}

#[test]
fn a_check_ends_with_what_it_found() {
    let system = settled();
    // The fake's service puts everything into the first set: that is found, and nothing else.
    let ran = system.run(&["fragmentation-check", "--output", "json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report = &ran.json()[0];
    assert_eq!(report["findings"][0]["kind"], "routing");
    // N and Z in both cases, Ñ in both, and a Z behind a space.
    assert_eq!(report["findings"][0]["count"], 7, "{report:#}");
    assert_eq!(report["routing"]["probes"].as_array().unwrap().len(), 16);

    let ran = system.run(&["fragmentation-check", "--no-probe"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("note: the service was not asked: --no-probe"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("products: pass: every document is where its name wants it\n"), "{}", ran.stdout);

    leave(&system, "db1", "one", &misplaced(3));
    let ran = system.run(&["fragmentation-check", "--no-probe"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for words in ["in the wrong fragment", "7 \"Sal\": two", "A-M, default", "100.0 %", "1000 B", "products: fail"] {
        assert!(ran.stdout.contains(words), "no {words:?} in\n{}", ran.stdout);
    }
}

#[test]
fn what_cant_be_seen_is_unknown() {
    let system = settled();
    system.agents.before(|_, instance, request| {
        let away = instance == "db2" && matches!(request, Request::Fragment(_));
        away.then(|| Failure::new("shop.products on two", "nothing listens there"))
    });
    let ran = system.run(&["fragmentation-check", "--no-probe", "--output", "json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let report = &ran.json()[0];
    assert_eq!((&report["verdict"], &report["fragments"][1]["seen"]), (&json!("unknown"), &json!(null)));
    assert!(report["unknown"][0].as_str().unwrap().contains("nothing listens there"));
    let ran = system.run(&["fragmentation-check", "--no-probe", "--repair", "--yes"]);
    assert_eq!((ran.code, system.lease()), (Some(3), None), "nothing is repaired that is not seen whole: {ran:?}");
    // What is wrong in the other one is no less wrong.
    leave(&system, "db1", "one", &misplaced(1));
    assert_eq!(system.run(&["fragmentation-check", "--no-probe"]).code, Some(1));
    // A service that does not answer is no pass either.
    system.agents.before(|_, _, request| {
        matches!(request, Request::Routing(_)).then(|| Failure::new("the service at 10.9.0.10:3000", "does not answer"))
    });
    leave(&system, "db1", "one", &FragmentScan::default());
    let ran = system.run(&["fragmentation-check"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("unknown: routing of web in app: "), "{}", ran.stdout);
}

#[test]
fn a_repair_asks_and_a_dry_run_does_nothing() {
    let system = settled();
    leave(&system, "db1", "one", &misplaced(3));
    system.agents.forget();
    let dry = system.run(&["fragmentation-check", "--no-probe", "--repair", "--dry-run"]);
    assert_eq!(dry.code, Some(1));
    assert!(dry.stdout.contains("--repair would:\n  move 3 documents from one to two"), "{}", dry.stdout);
    assert_eq!(asked(&system, "fragment"), 2, "two scans");
    let asked = system.run(&["fragmentation-check", "--no-probe", "--repair"]);
    asked.ended(1, &["move 3 documents from one to two", "say --yes"]);
    let done = system.run(&["fragmentation-check", "--no-probe", "--repair", "--yes"]);
    assert!(done.stdout.contains("repaired: 0 moved"), "{}", done.stdout);
    assert_eq!(system.lease(), None);
    assert_eq!(system.run(&["fragmentation-check", "--dry-run"]).code, Some(2));
}

#[test]
fn names_and_ranges_that_mean_nothing_are_wrong_usage() {
    let system = settled();
    system
        .run(&["fragmentation-check", "prodcts"])
        .ended(2, &["shop has no fragmentation named prodcts", "it has products"]);
    let plan = |arguments: &[&str]| system.run(&[&["fragmentation-plan"], arguments].concat());
    plan(&["--ranges", "A-F"]).ended(2, &["no range takes G"]);
    plan(&["--ranges", "A-N,N-Z"]).ended(2, &["N is in two ranges"]);
    plan(&["--suggest", "27"]).ended(2, &["there can be 1 to 26 ranges, not 27"]);
    plan(&[]).ended(2, &["--ranges"]);
    let (head, _) = SHOP.split_once("fragmentation:\n").unwrap();
    system.write(
        &head.replace("    files: { /etc/web/rule.json: { content: \"{{ fragmentation.products.json }}\" } }\n", ""),
    );
    system.run(&["fragmentation-check"]).ended(2, &["shop has no fragmentation", "declare one"]);
}

#[test]
fn a_plan_shows_what_other_ranges_would_do() {
    let system = settled();
    let letters = [("A", 30), ("B", 30), ("N", 20), ("Z", 20)];
    let tally = |documents: u64| Tally { documents, bytes: documents * 100 };
    let letters = letters.map(|(letter, count)| (letter.to_owned(), tally(count))).into();
    leave(&system, "db1", "one", &FragmentScan { documents: 100, letters, ..FragmentScan::default() });
    let ran = system.run(&["fragmentation-plan", "--suggest", "2"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in ["LETTER", "A-M, default", "60.0 %", "0 of 100 documents would move (0 B)"] {
        assert!(ran.stdout.contains(words), "no {words:?} in\n{}", ran.stdout);
    }
    let three = system.run(&["fragmentation-plan", "products", "--ranges", "A,B-M,N-Z", "--output", "json"]).json();
    assert_eq!((&three["moving"]["documents"], &three["fragments"][2]["on"]), (&json!(70), &json!("new 1")));
}
