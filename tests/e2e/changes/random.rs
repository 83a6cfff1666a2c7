//! Random edits of one system, the same as the planner's model is given.

#[path = "../../../src/plan/tests/edits/spec.rs"]
mod spec;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::harness::{Mongo, System};
use spec::{Place, Spec};

/// How many edits are tried, one after the other.
const EDITS: usize = 24;

/// Which edits: another number is another story.
const SEED: u64 = 2;

/// A topology that two cores can run.
fn first(random: &mut ChaCha8Rng) -> Spec {
    std::iter::repeat_with(|| Spec::random(random)).find(is_small).expect("one of many is small")
}

/// The topology's text, without its head.
fn body(spec: &Spec) -> String {
    let mut text = String::from("containers:\n");
    for (name, octet) in &spec.containers {
        text += &format!("  NAME-{name}: {{ ipv4: NET.{octet}, packages: [libcurl4] }}\n");
    }
    text += "mongodb:\n  binary: mongod\n  settings: { election_timeout: 2s }\n";
    let own = spec.text();
    let databases = own.split_once("binary: /usr/bin/mongod\n").map(|(_, rest)| rest).unwrap_or_default();
    text + &databases.replace("container: ", "container: NAME-")
}

/// All databases by name: the set's name, if it is one, and where they are.
fn databases(spec: &Spec) -> BTreeMap<String, (Option<String>, Vec<Place>)> {
    let sets = spec.sets.iter().map(|(name, members)| (name.clone(), (Some(name.clone()), members.clone())));
    let singles = spec.singles.iter().map(|(name, place)| (name.clone(), (None, vec![place.clone()])));
    sets.chain(singles).collect()
}

fn client(system: &System, spec: &Spec, name: &str) -> Mongo {
    let (set, places) = &databases(spec)[name];
    let hosts: Vec<String> =
        places.iter().map(|place| system.host(spec.containers[&place.container], place.port)).collect();
    let mongo = match set {
        Some(set) => Mongo::set(set, &hosts),
        None => Mongo::direct(&hosts[0]),
    };
    mongo.login("admin", &system.secret(&places[0].container, &format!("{name}.admin")))
}

/// Twenty-four edits: each is done with every document where it belongs, or refused and nothing has changed.
#[test]
fn random_edits_lose_sight_of_nothing() {
    let random = &mut ChaCha8Rng::seed_from_u64(SEED);
    let mut spec = first(random);
    let system = System::declare("edits", 43, &body(&spec));
    system.up();
    let mut written: BTreeMap<String, u64> = BTreeMap::new();
    let mut told = Vec::new();
    while told.len() < EDITS {
        for name in databases(&spec).keys() {
            let count = written.entry(name.clone()).or_default();
            let insert = "client.shop.get_collection('things', write_concern=pymongo.WriteConcern('majority'))";
            client(&system, &spec, name).run(&format!("{insert}.insert_one({{'_id': {count}}})\nout(1)"));
            *count += 1;
        }
        let Some((what, next)) = spec.edited(random).filter(|(_, next)| is_small(next)) else { continue };
        system.rewrite(&body(&next));
        if system.distctl(&["validate"]).code != Some(0) {
            system.rewrite(&body(&spec));
            continue;
        }
        let ran = system.distctl(&["up"]);
        let (done, text) = (ran.code != Some(1), ran.all());
        eprintln!("edit {}: {what}: {}", told.len() + 1, if done { "done" } else { "refused" });
        if done {
            spec = next;
        } else {
            assert!(text.contains("nothing was changed"), "{what}: {text}");
            system.rewrite(&body(&spec));
        }
        told.push(format!("{what}: {done}"));
        let plan = system.distctl(&["plan", "--exit-code"]);
        // A container that is not declared any more stays, and is told.
        assert!(matches!(plan.code, Some(0 | 3)), "{what}: {}", plan.all());
        written.retain(|name, _| databases(&spec).contains_key(name));
        for (name, count) in &written {
            let seen = client(&system, &spec, name).eval("client.shop.things.count_documents({})");
            assert_eq!(seen, *count, "{name} after {what}; before that {told:#?}");
        }
    }
    assert!(told.iter().filter(|one| one.ends_with("true")).count() >= EDITS / 3, "{told:#?}");
}

/// Two cores start few mongods in a minute.
fn is_small(spec: &Spec) -> bool {
    spec.sets.values().map(Vec::len).sum::<usize>() + spec.singles.len() <= 6
        && spec.sets.values().all(|set| set.len() <= 4)
}
