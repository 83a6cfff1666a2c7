//! Fragments: every finding planted and found, repaired, killed in between; ranges changed while clients work.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Http, Ran, lab};
use crate::platform::{PAGE, Platform, platform};

/// Clients that know what they were told last.
const CLIENTS: &str = include_str!("fragments/clients.py");

/// How long the repair of 10,000 documents may take.
const REPAIR: Duration = Duration::from_secs(20);

/// Documents of which something is wrong, by set: names in other scripts, none at all, and what is no name.
const PLANTED_A: &str = "
import datetime
from bson import ObjectId
products = client.products_db.products
early, late = datetime.datetime(2024, 1, 1), datetime.datetime(2025, 1, 1)
products.insert_many([{'name': f'Azúcar {n}', 'price': 1.0, 'updated_at': early} for n in range(100)])
products.insert_many([{'_id': name, 'name': name, 'updated_at': early} for name in ['تفاح', '🍬', '7up']])
products.insert_many([{'_id': name, 'name': name, 'updated_at': early} for name in ['Sal', ' ñame', 'zumo']])
products.insert_many([{'_id': 'empty', 'name': ''}, {'_id': 'unseen', 'name': ' \\u200b'}, {'_id': 'none'}])
products.insert_many([{'_id': 'number', 'name': 7}, {'_id': 'null', 'name': None}, {'_id': 'array', 'name': ['A']}])
products.insert_many([{'_id': 'same', 'name': 'Té', 'updated_at': early}])
products.insert_many([{'_id': 'older', 'name': 'Agua', 'updated_at': early}])
products.insert_many([{'_id': 'unclear', 'name': 'Uva', 'price': 1, 'updated_at': early}])
out(products.count_documents({}))";

const PLANTED_B: &str = "
import datetime
products = client.products_db.products
early, late = datetime.datetime(2024, 1, 1), datetime.datetime(2025, 1, 1)
products.insert_many([{'name': f'Sal {n}', 'updated_at': early} for n in range(50)])
products.insert_many([{'_id': name, 'name': name, 'updated_at': early} for name in ['Ángel', 'Æble', '٣']])
products.insert_many([{'_id': 'same', 'name': 'Té', 'updated_at': early}])
products.insert_many([{'_id': 'older', 'name': 'Vino', 'updated_at': late}])
products.insert_many([{'_id': 'unclear', 'name': 'Uva', 'price': 2, 'updated_at': early}])
products.insert_many([{'_id': 'sal', 'name': 'Sal', 'updated_at': early}])
out(products.count_documents({}))";

const ALL: &str = "
import hashlib, bson
kept = {str(one['_id']): hashlib.sha256(bson.encode(one)).hexdigest() for one in client.products_db.products.find()}
out(kept)";

impl Platform {
    fn check(&self, code: i32, more: &[&str]) -> Value {
        let arguments = [&["fragmentation-check", "products", "--output", "json"], more].concat();
        let ran = self.system.distctl(&arguments).ended_with(code);
        let outcomes: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.all()));
        outcomes[0].clone()
    }

    fn empty(&self) {
        for set in ["rsA", "rsB"] {
            self.admin(set).eval(
                "[client.products_db[name].delete_many({}).deleted_count for name in \
                 ('products', 'products_quarantine', 'products_moves')]",
            );
        }
    }

    fn log_in(&self) -> String {
        let sent = json!({ "username": "admin", "password": self.system.secret("auth", "admin") });
        Http::at(PAGE).post("/auth/login", &sent).is(200)["token"].as_str().unwrap().to_owned()
    }
}

/// How often each finding was found, and where.
fn findings(report: &Value) -> Vec<(String, String, u64)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|one| (text(&one["kind"]), text(&one["on"]), one["count"].as_u64().unwrap())).collect()
}

fn found(kind: &str, on: &str, count: u64) -> (String, String, u64) {
    (kind.to_owned(), on.to_owned(), count)
}

#[test]
fn every_finding_is_found_and_what_can_be_repaired_is() {
    let platform = platform();
    platform.empty();
    let clean = platform.check(0, &[]);
    assert_eq!((&clean["verdict"], &clean["findings"]), (&json!("pass"), &json!([])));
    let probes = clean["routing"]["probes"].as_array().unwrap();
    assert!(probes.len() == 16 && probes.iter().all(|probe| probe["went"] == probe["belongs"]), "{probes:?}");
    for set in ["rsA", "rsB"] {
        assert_eq!(platform.admin(set).eval("client.products_db.products.count_documents({})"), 0, "nothing stays");
    }

    platform.admin("rsA").run(PLANTED_A);
    platform.admin("rsB").run(PLANTED_B);
    let report = platform.check(1, &["--examples", "50"]);
    let expected = [
        found("misplaced", "rsA", 5),
        found("empty_key", "rsA", 2),
        found("without_key", "rsA", 1),
        found("wrong_type", "rsA", 3),
        found("misplaced", "rsB", 3),
        found("same_id", "rsA, rsB", 3),
        found("same_key", "rsA, rsB", 1),
    ];
    assert_eq!(findings(&report), expected, "{report:#}");
    assert_eq!(report["letters"]["A"]["documents"], 103);
    let table = platform.system.distctl(&["fragmentation-check"]).ended_with(1);
    let table = table.says(&["in the wrong fragment", "key is no text", "products: fail", "A-M, default", "LETTER"]);
    eprintln!("{}", table.stdout);

    let before = platform.admin("rsA").run(ALL);
    let dry = platform.check(1, &["--repair", "--dry-run"]);
    assert_eq!(dry["intended"]["undecided"], 1);
    assert_eq!(platform.admin("rsA").run(ALL), before, "a dry run changes nothing");
    let repaired = platform.check(1, &["--repair"]);
    eprintln!("{:#}", repaired["repaired"]);
    // 3 from rsA, 3 from rsB; `same` is deleted where it does not belong, `older` is kept in the quarantine.
    assert_eq!((&repaired["repaired"]["moved"], &repaired["repaired"]["deleted"]), (&json!(6), &json!(1)));
    assert_eq!(repaired["repaired"]["quarantined"][0]["on"], "rsA");
    assert_eq!(repaired["repaired"]["left"].as_array().unwrap().len(), 1);
    let left = ["misplaced", "empty_key", "without_key", "wrong_type", "same_id"];
    let kinds: Vec<String> = findings(&repaired).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, left, "what can't be decided, and what has no place");
    let kept = platform.admin("rsA").eval("list(client.products_db.products_quarantine.find({}, {'name': 1}))");
    assert_eq!(kept, json!([{ "_id": "older", "name": "Agua" }]));
    let arrived = platform.admin("rsB").run(ALL);
    assert_eq!(arrived["zumo"], before["zumo"], "byte for byte");
    assert_eq!(platform.admin("rsA").eval("client.products_db.products_moves.count_documents({})"), 0);

    let script = "client.products_db.products.delete_many({'$or': [{'name': {'$not': {'$type': 'string'}}}, \
                  {'name': {'$in': ['', ' \\u200b']}}, {'_id': {'$in': ['array', 'unclear']}}]}).deleted_count";
    assert_eq!(platform.admin("rsA").eval(script), 7);
    assert_eq!(platform.check(0, &["--repair"])["verdict"], "pass");
}

#[test]
fn a_repair_that_is_killed_is_gone_on_with() {
    let platform = platform();
    platform.empty();
    let plant = "client.products_db.products.insert_many([{'_id': n, 'name': f'Sal {n}', 'text': 'x' * 300, \
                 'updated_at': n} for n in range(10000)]).acknowledged";
    platform.admin("rsA").eval(plant);
    let mut kills = 0;
    for _ in 0..2 {
        let mut repair = platform.system.start(&["fragmentation-check", "--repair", "--no-probe", "--lock-wait", "1m"]);
        assert!(repair.said(|line| line.contains("documents moved")), "it was too quick");
        repair.signal("KILL");
        assert_eq!(repair.end().code, None);
        kills += 1;
    }
    let begun = Instant::now();
    let rest = platform.check(0, &["--repair", "--no-probe"]);
    eprintln!(
        "measured: after {kills} kills the rest took {:.1} s: {:#}",
        begun.elapsed().as_secs_f64(),
        rest["repaired"]
    );
    assert_eq!(platform.admin("rsA").eval("client.products_db.products.count_documents({})"), 0);
    let script = "sorted(one['_id'] for one in client.products_db.products.find()) == list(range(10000))";
    assert_eq!(platform.admin("rsB").eval(script), true);
    assert_eq!(platform.admin("rsB").eval("client.products_db.products_moves.count_documents({})"), 0);

    // All of them at once, back to where they came from.
    platform
        .admin("rsB")
        .eval("client.products_db.products.update_many({}, {'$set': {'name': 'Agua'}}).modified_count");
    let begun = Instant::now();
    let repaired = platform.check(0, &["--repair", "--no-probe"]);
    let took = begun.elapsed();
    eprintln!("measured: 10,000 documents checked, moved and checked again in {:.1} s", took.as_secs_f64());
    assert_eq!(repaired["repaired"]["moved"], 10_000);
    assert!(took < REPAIR, "{took:?}");
}

#[test]
fn a_fragment_that_is_away_is_unknown_and_no_pass() {
    let platform = platform();
    platform.empty();
    let unknown = platform.system.distctl(&["fragmentation-check", "prodcts"]).ended_with(2);
    unknown.says(&["no fragmentation named prodcts", "it has products"]);
    platform.system.guest("db2", "systemctl stop mongod-27017 mongod-27018 mongod-27019");
    let report = platform.check(3, &[]);
    assert_eq!(report["verdict"], "unknown");
    assert!(report["unknown"][0].as_str().unwrap().starts_with("rsB: "), "{:#}", report["unknown"]);
    platform.system.distctl(&["fragmentation-check", "--repair"]).ended_with(3);
    platform.system.distctl(&["fragmentation-plan", "--suggest", "2"]).ended_with(3).says(&["rsB can't be counted"]);
    platform.system.up();
    platform.admin("rsB").await_healthy(3);
    // What could not be removed while a fragment was away goes with the next probe.
    platform.check(0, &[]);
    let plan = platform.system.distctl(&["fragmentation-plan", "--ranges", "A-F,G-M,N-Z"]).ended_with(0);
    plan.says(&["new 1", "0 of 0 documents would move"]);
    platform.system.distctl(&["fragmentation-plan", "--ranges", "A-F"]).ended_with(2).says(&["no range takes G"]);
}

#[test]
fn ranges_change_while_clients_work_and_a_primary_dies() {
    let platform = platform();
    platform.empty();
    for (set, name) in [("rsA", "Jugo"), ("rsB", "Sal")] {
        let plant = format!(
            "client.products_db.products.insert_many([{{'name': f'{name} {{n}}', 'price': 1.0, 'updated_at': None}} \
             for n in range(4000)]).acknowledged"
        );
        platform.admin(set).eval(&plant);
    }
    let (mut clients, mut told) = work(&platform.log_in());
    assert_eq!(told.next().unwrap().unwrap(), "working");
    for (from, to) in [("range: A-M", "range: A-F"), ("range: N-Z", "range: G-Z")] {
        platform.system.edit(from, to);
    }
    platform.system.plan(2).says(&["move misplaced documents of products: its ranges have changed", "deploy web"]);
    let mut up = platform.system.start(&["up"]);
    assert!(up.said(|line| line.contains("documents moved")), "nothing is moved");
    platform.system.guest("db1", "systemctl kill --signal=KILL --kill-whom=main mongod-27017");
    let up: Ran = up.end().ended_with(0);
    eprintln!(
        "measured: up with new ranges took {:.1} s, of which the move and a killed primary",
        up.took.as_secs_f64()
    );
    platform.system.plan(0);
    for (from, to) in [("range: A-F", "range: A-M"), ("range: G-Z", "range: N-Z")] {
        platform.system.edit(from, to);
    }
    platform.system.up();
    drop(clients.stdin.take());
    let told: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    clients.wait().unwrap();
    eprintln!("measured: {} requests of clients meanwhile, {} times told to wait", told["done"], told["waited"]);
    for kind in ["lost", "stale", "back", "twice", "other"] {
        assert_eq!(told[kind], json!([]), "{kind}");
    }
    assert!(told["done"].as_u64().unwrap() > 200 && told["kept"].as_u64().unwrap() > 20, "{told}");
    let report = platform.check(0, &[]);
    let documents: u64 =
        report["letters"].as_object().unwrap().values().map(|one| one["documents"].as_u64().unwrap()).sum();
    // One that nobody answered for may have been created all the same.
    let (kept, open) = (8_000 + told["kept"].as_u64().unwrap(), told["waited"].as_u64().unwrap());
    assert!((kept..=kept + open).contains(&documents), "{documents} documents, {kept} are known");
    platform.empty();
}

fn work(token: &str) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut command = lab().inside("python3");
    command.args(["-c", CLIENTS, PAGE.trim_start_matches("http://"), token]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, told)
}
