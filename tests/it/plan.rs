//! `plan` and `status` only look, `up` ends where there is nothing to do, and neither tells a secret.

use serde_json::Value;

use crate::system::{SHOP, System};

/// Asserts that only reads were sent, besides the agent for looking.
#[track_caller]
fn assert_only_looked(system: &System) {
    for request in system.fake.requests() {
        let places = request.method == "POST" && request.query.starts_with("path=%2Frun%2Fdistctl");
        let asks = request.method == "POST" && request.path.ends_with("/exec");
        let reads = request.method == "GET" || request.method == "HEAD";
        assert!(reads || asks || places, "{} {}?{}", request.method, request.path, request.query);
    }
    assert_eq!(system.agents.changes(), 0, "{:?}", system.agents.asked());
    assert_eq!(system.fake.writes(), 0);
}

/// Forgets what was asked so far.
fn forget(system: &System) {
    system.fake.world().requests.clear();
    system.agents.forget();
}

#[test]
fn up_builds_the_system_and_then_there_is_nothing_to_do() {
    let system = System::new(SHOP);
    let ran = system.up();
    ran.ended(0, &["shop is up and verified"]);
    let running = ["db1", "db2", "db3", "web"].map(|name| (name.to_string(), "Running".to_string()));
    assert_eq!(system.containers(), running);
    assert_eq!(system.fake.world().networks["shop0"]["config"]["ipv4.address"], "10.9.0.1/24");
    system.assert_settled();
    let status = system.run(&["status", "--output", "json"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    let mongods = status.json()["mongods"].as_array().unwrap().clone();
    let states: Vec<_> = mongods.iter().map(|mongod| mongod["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["PRIMARY", "SECONDARY", "SECONDARY", "standalone"]);
}

#[test]
fn looking_at_nothing_writes_nothing() {
    let system = System::new(SHOP);
    system.fake.forbid_writes();
    let before = system.state();
    system.run(&["plan"]).ended(0, &[]);
    system.run(&["status"]).ended(3, &[]);
    assert_only_looked(&system);
    assert_eq!(system.state(), before);
}

#[test]
fn looking_at_a_system_that_runs_writes_nothing() {
    let system = System::settled(SHOP);
    forget(&system);
    system.fake.forbid_writes();
    let before = system.state();
    system.run(&["plan", "--exit-code"]).ended(0, &[]);
    system.run(&["status"]).ended(0, &[]);
    assert_only_looked(&system);
    assert_eq!(system.agents.asked().len(), 8);
    assert_eq!(system.state(), before);
}

#[test]
fn looking_into_guests_without_an_agent_places_it_where_it_is_forgotten() {
    let system = System::settled(SHOP);
    std::fs::write(system.folder.path().join("agent"), "a newer agent").unwrap();
    forget(&system);
    system.fake.forbid_writes();
    let before = system.state();
    system.run(&["plan", "--exit-code"]).ended(2, &[]);
    assert_only_looked(&system);
    assert_eq!(system.fake.count("POST", "/1.0/instances/web/files"), 2, "the folder and the agent");
    assert_eq!(system.state(), before);
    // The next look finds it.
    forget(&system);
    system.run(&["plan", "--exit-code"]).ended(2, &[]);
    assert_eq!(system.fake.count("POST", "/1.0/instances/web/files"), 0);
}

#[test]
fn up_with_nothing_to_do_writes_nothing_and_takes_no_lease() {
    let system = System::settled(SHOP);
    forget(&system);
    system.fake.forbid_writes();
    let before = system.state();
    let ran = system.run(&["up"]);
    ran.ended(0, &["nothing to do: shop is as declared"]);
    assert_only_looked(&system);
    assert_eq!(system.fake.count("", "/1.0/projects"), 0);
    assert_eq!(system.state(), before);
}

#[test]
fn the_exit_code_of_plan_tells_changes_from_trouble() {
    let system = System::new(SHOP);
    assert_eq!(system.run(&["plan", "--exit-code"]).code, Some(2));
    assert_eq!(system.run(&["plan"]).code, Some(0));
    system.up().ended(0, &[]);
    assert_eq!(system.run(&["plan", "--exit-code"]).code, Some(0));
    // A container that is the topology's and not declared any more can't be mended by `up`.
    system.write(&SHOP.replace("  web: { ipv4: 10.9.0.10 }\n", ""));
    let ran = system.run(&["plan", "--exit-code"]);
    // Its name goes from every /etc/hosts first.
    assert_eq!(ran.code, Some(2), "{ran:?}");
    system.up().ended(3, &[]);
    let ran = system.run(&["plan", "--exit-code"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("container web") && ran.stdout.contains("distctl destroy --only web"), "{ran:?}");
    // A refusal is an error, as is a daemon that isn't there.
    system.fake.world().instances.get_mut("db1").unwrap().object["config"]["user.distctl.topology"] = "other".into();
    assert_eq!(system.run(&["plan", "--exit-code"]).code, Some(1));
    system.fake.stop();
    assert_eq!(system.run(&["plan", "--exit-code"]).code, Some(1));
}

#[test]
fn json_is_json_and_nothing_tells_a_secret() {
    let system = System::new(SHOP);
    let mut shown = Vec::new();
    let plan = system.run(&["plan", "--output", "json"]);
    assert!(plan.json()["steps"].as_array().is_some_and(|steps| steps.len() > 20), "{plan:?}");
    shown.push(plan);
    shown.push(system.run(&["up", "--yes", "-vv", "--progress", "json"]));
    for line in shown[1].stderr.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    // One set must be written again, so that its secrets are on their way once more.
    system.fake.world().instances.get_mut("db1").unwrap().files.remove("/etc/distctl/rs.keyfile");
    shown.push(system.run(&["plan", "--output", "json", "-vv"]));
    assert!(shown[2].stdout.contains("rs.keyfile"), "{:?}", shown[2]);
    shown.push(system.run(&["up", "--yes", "-vv"]));
    shown.push(system.run(&["status", "--output", "json", "-vv"]));
    assert_eq!(shown[4].json()["healthy"], true);
    let secrets = system.secrets();
    assert!(secrets.len() >= 6 && secrets.iter().all(|secret| secret.len() >= 32), "{}", secrets.len());
    for ran in &shown {
        let told = secrets.iter().find(|secret| ran.stdout.contains(*secret) || ran.stderr.contains(*secret));
        assert_eq!(told, None);
    }
}
