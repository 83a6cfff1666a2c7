//! A primary dies while products are created over HTTP.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::harness::{Http, lab};
use crate::platform::{PAGE, Platform, platform};

/// Sixteen clients that create products for some seconds, half of them in each fragment.
const CREATORS: &str = include_str!("failover/creators.py");

/// How many may be told to come again: one a client.
const TOLD_TO_WAIT: usize = 16;

/// The longest that anybody may have to wait, in seconds: an election timeout of 2 s, the election, and one try more.
const LONGEST_S: f64 = 9.0;

/// The longest that a set without a fault may be without a new product, in seconds: the machine is busy with an election.
const SHORT_S: f64 = 2.0;

#[test]
fn no_acknowledged_product_is_lost_when_a_primary_dies() {
    let platform = platform();
    for set in ["rsA", "rsB"] {
        platform.admin(set).eval("client.products_db.products.delete_many({}).acknowledged");
    }
    let token = log_in(&platform);
    let (mut creators, mut told) = create(&token);
    assert_eq!(told.next().unwrap().unwrap(), "creating");
    platform.admin("rsA").await_healthy(3);
    let members = platform.admin("rsA").members();
    let is_primary = |port: &u16| members[platform.system.host(12, *port)] == "PRIMARY";
    let port = (27017..27020).find(is_primary).unwrap_or_else(|| panic!("rsA has no primary: {members}"));
    platform.system.guest("db1", &format!("systemctl kill --signal=KILL --kill-whom=main mongod-{port}"));
    let told: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    creators.wait().unwrap();
    let acknowledged = told["acknowledged"].as_array().unwrap();
    let told_to_wait = told["told_to_wait"].as_u64().unwrap();
    eprintln!(
        "kill -9 of rsA's primary under 16 creators: {} created, {told_to_wait} told to wait, longest without a \
         product {} s in DB1 and {} s in DB2, slowest answer {} s",
        acknowledged.len(),
        told["gap_s"]["DB1"],
        told["gap_s"]["DB2"],
        told["slowest_s"]
    );
    assert_eq!(told["other"], json!([]), "answers that are neither 201 nor 503 with Retry-After");
    assert!(told_to_wait as usize <= TOLD_TO_WAIT, "{told_to_wait} were told to wait");
    assert!(told["slowest_s"].as_f64().unwrap() < LONGEST_S);
    // rsB has no part in it, and whoever writes there does not wait.
    assert!(told["gap_s"]["DB2"].as_f64().unwrap() < SHORT_S, "{}", told["gap_s"]);
    for set in ["rsA", "rsB"] {
        platform.admin(set).await_healthy(3);
    }
    let kept = [kept(&platform, "rsA"), kept(&platform, "rsB")];
    let lost: Vec<&Value> = acknowledged
        .iter()
        .filter(|one| {
            let set = &kept[usize::from(one["database"] == "DB2")];
            !set.iter().any(|id| *id == one["id"])
        })
        .collect();
    assert!(lost.is_empty(), "{} acknowledged products are lost: {lost:?}", lost.len());
    let in_first = acknowledged.iter().filter(|one| one["database"] == "DB1").count();
    assert!(in_first > 50 && acknowledged.len() - in_first > 50, "too few to tell: {in_first}");
    for database in ["DB1", "DB2"] {
        assert!(told["last_before_end_s"][database].as_f64().unwrap() < 1.0, "{database} did not come back: {told}");
    }
}

fn log_in(platform: &Platform) -> String {
    let sent = json!({ "username": "admin", "password": platform.system.secret("auth", "admin") });
    Http::at(PAGE).post("/auth/login", &sent).is(200)["token"].as_str().unwrap().to_owned()
}

fn create(token: &str) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut command = lab().inside("python3");
    command.args(["-c", CREATORS, PAGE.trim_start_matches("http://"), token]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, told)
}

/// Identities of the products that a majority of a set has.
fn kept(platform: &Platform, set: &str) -> Vec<Value> {
    let script = "from pymongo.read_concern import ReadConcern
products = client.products_db.get_collection('products', read_concern=ReadConcern('majority'))
out([str(product['_id']) for product in products.find({}, {'_id': 1})])";
    platform.admin(set).run(script).as_array().unwrap().clone()
}
