//! Down, up again, destroy; two systems side by side; members spread over containers; growing and shrinking.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Mongo, System, lab, set_of, wait_until};

#[test]
fn down_keeps_data_and_destroy_leaves_nothing() {
    let system = System::set_of_three("life", 7);
    system.up();
    system.rs().run("client.story.kept.insert_one({'_id': 7})\nout(1)");
    let key = system.guest("db", "cat /etc/distctl/rs.keyfile");
    system.distctl(&["down"]).ended_with(0);
    assert_eq!(lab().incus(&["list", "life-db", "--format", "csv", "--columns", "s"]), "STOPPED\n");
    system.distctl(&["down"]).ended_with(0).says(&["nothing to do"]);
    system.up();
    assert_eq!(system.rs().eval("client.story.kept.find_one()"), json!({"_id": 7}));
    assert_eq!(system.guest("db", "cat /etc/distctl/rs.keyfile"), key);
    system.distctl(&["destroy"]).ended_with(0).says(&["life-db", "all its data"]);
    assert_eq!(system.containers(), Vec::<String>::new());
    assert!(!system.has_network());
    let project = lab().query("/1.0/projects/default").to_string();
    assert!(!project.contains("user.distctl.lock.life"), "{project}");
    system.distctl(&["destroy"]).ended_with(0).says(&["nothing to do"]);
}

#[test]
fn two_systems_do_not_touch_each_other() {
    let [left, right] = [System::single("left", 8), System::single("right", 9)];
    let (first, second) = (left.start(&["up"]), right.start(&["up"]));
    first.end().ended_with(0);
    second.end().ended_with(0);
    left.main().run("client.story.kept.insert_one({'_id': 1})\nout(1)");
    assert_ne!(left.secret("db", "main.admin"), right.secret("db", "main.admin"));
    let foreign = right.main().login("admin", &left.secret("db", "main.admin"));
    assert_eq!(foreign.eval("refused(lambda: client.admin.command('listDatabases'))"), json!(true));
    right.distctl(&["destroy"]).ended_with(0);
    left.plan(0);
    assert_eq!(left.main().eval("client.story.kept.find_one()"), json!({"_id": 1}));
}

const SPREAD: &str = "
containers:
  NAME-db1: { ipv4: NET.11, packages: [libcurl4] }
  NAME-db2: { ipv4: NET.12, packages: [libcurl4] }
  NAME-db3: { ipv4: NET.13, packages: [libcurl4] }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    rs:
      members:
        - { container: NAME-db1, port: 27017, priority: 2 }
        - { container: NAME-db2, port: 27017 }
        - { container: NAME-db3, port: 27017 }
";

/// Also: without a majority nothing is changed, and with one member away the rest is left as well as it was.
#[test]
fn a_container_of_a_spread_set_is_rebuilt() {
    let system = System::declare("spread", 10, SPREAD);
    system.up();
    let hosts: Vec<String> = (11..14).map(|last| system.host(last, 27017)).collect();
    let admin = Mongo::set("rs", &hosts).login("admin", &system.secret("db1", "rs.admin"));
    admin.run(
        "client.story.kept.with_options(write_concern=pymongo.WriteConcern('majority')).insert_one({'_id': 1})\nout(1)",
    );
    lab().incus(&["delete", "--force", "spread-db3"]);
    system.plan(2).says(&["create container spread-db3"]);
    system.up();
    system.plan(0);
    admin.await_healthy(3);
    let read = |name: &str| system.guest(name, "cat /etc/distctl/rs.keyfile");
    assert_eq!(read("db3"), read("db1"), "the key comes from a member that has it");
    let rebuilt = Mongo::direct(&hosts[2]).login("admin", &system.secret("db1", "rs.admin"));
    let copy =
        "client.get_database('story', read_preference=pymongo.ReadPreference.SECONDARY_PREFERRED).kept.find_one()";
    assert_eq!(rebuilt.eval(copy), json!({"_id": 1}), "it has copied the data");
}

/// Two of three containers stand still: nobody can be primary, and `up` brings them back.
#[test]
fn a_spread_set_that_lost_its_majority_is_mended() {
    let system = System::declare("quorum", 12, SPREAD);
    system.up();
    let hosts: Vec<String> = (11..14).map(|last| system.host(last, 27017)).collect();
    let admin = Mongo::set("rs", &hosts).login("admin", &system.secret("db1", "rs.admin"));
    let before = admin.config();
    lab().incus(&["pause", "quorum-db1"]);
    lab().incus(&["stop", "--force", "quorum-db3"]);
    let left = Mongo::direct(&hosts[1]).login("admin", &system.secret("db2", "rs.admin"));
    wait_until("nobody is primary", Duration::from_secs(60), || {
        left.try_run("out(client.admin.command('hello').get('primary'))").stdout.trim() == "null"
    });
    system.mends(&["unfreeze container quorum-db1", "start container quorum-db3"]);
    admin.await_healthy(3);
    assert_eq!(admin.config()["members"], before["members"]);
}

#[test]
fn a_set_grows_and_shrinks_one_vote_at_a_time() {
    let system = System::set_of_three("scale", 11);
    system.up();
    system.rs().run("client.story.kept.insert_one({'_id': 1})\nout(1)");
    let writer = system.rs().writer();
    system.rewrite(&set_of(5));
    system.up().says(&["add 10.61.11.11:27020 without a vote", "add 10.61.11.11:27021 without a vote"]);
    system.plan(0);
    system.rs().await_healthy(5);
    let grown = system.rs().config();
    assert_eq!(votes(&grown), vec![1; 5], "{grown}");
    system.rewrite(&set_of(3));
    system.up();
    system.plan(0);
    eprintln!("measured: 3 to 5 and back to 3 members, longest write gap {:.2} s", writer.stop());
    let shrunk = system.rs().config();
    assert_eq!(votes(&shrunk), vec![1; 3], "{shrunk}");
    system.rs().await_healthy(3);
    assert_eq!(system.guest("db", "ls /etc/systemd/system | grep -c ^mongod-"), "3\n");
    assert_eq!(system.guest("db", "pgrep -cx mongod"), "3\n");
    // The oplog tells every change of the configuration.
    let script = "client.local['oplog.rs'].find({'o.msg': 'Reconfig set'}, {'o.version': 1}).sort('$natural', 1)";
    let versions = system.rs().eval(&format!("len(list({script}))")).as_u64().unwrap();
    // Two added without a vote, two votes given, two removed with theirs.
    assert!(versions >= 6, "{versions} configurations");
}

fn votes(config: &serde_json::Value) -> Vec<u64> {
    config["members"].as_array().unwrap().iter().map(|member| member["votes"].as_u64().unwrap()).collect()
}
