//! Edits of the file while there is data: it is there afterwards, or the edit is refused and nothing was touched.

mod random;

use std::time::Duration;

use crate::harness::{Mongo, System, lab, wait_until};

/// How many documents each database gets.
const DOCUMENTS: u64 = 1000;

/// Writes that many documents, acknowledged by a majority.
fn fill(mongo: &Mongo) {
    let insert = "client.shop.get_collection('things', write_concern=pymongo.WriteConcern('majority')).insert_many";
    assert_eq!(
        mongo.eval(&format!("len({insert}([{{'_id': n}} for n in range({DOCUMENTS})]).inserted_ids)")),
        DOCUMENTS
    );
}

#[track_caller]
fn assert_full(mongo: &Mongo) {
    assert_eq!(mongo.eval("client.shop.things.count_documents({})"), DOCUMENTS);
}

const FOUR: &str = "
containers:
  NAME-a: { ipv4: NET.11, packages: [libcurl4] }
  NAME-b: { ipv4: NET.12, packages: [libcurl4] }
  NAME-c: { ipv4: NET.13, packages: [libcurl4] }
  NAME-d: { ipv4: NET.14, packages: [libcurl4] }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    rs:
      members:
";

/// The topology of a set with these members, the first one preferred.
fn with_members(members: &[(&str, u16)]) -> String {
    let lines = members.iter().enumerate().map(|(index, (container, port))| {
        let priority = if index == 0 { 3 } else { 1 };
        format!("        - {{ container: NAME-{container}, port: {port}, priority: {priority} }}\n")
    });
    format!("{FOUR}{}", lines.collect::<String>())
}

/// A client that may find the set at any of these.
fn set(system: &System, at: &str, hosts: &[(u8, u16)]) -> Mongo {
    let hosts: Vec<String> = hosts.iter().map(|(last, port)| system.host(*last, *port)).collect();
    Mongo::set("rs", &hosts).login("admin", &system.secret(at, "rs.admin"))
}

/// Spread over containers, its primary's container replaced, all ports changed, one member left: all while a client writes.
#[test]
fn a_set_moves_member_by_member_while_a_client_writes() {
    let in_one = with_members(&[("a", 27017), ("a", 27018), ("a", 27019)]);
    let system = System::declare("moves", 40, &in_one);
    system.up();
    let everywhere = [(11, 27017), (12, 27017), (13, 27017), (14, 27017), (12, 27117), (13, 27117), (14, 27117)];
    let client = set(&system, "a", &everywhere);
    fill(&client);
    let edits: [(&str, &[(&str, u16)]); 4] = [
        ("spread over three containers", &[("a", 27017), ("b", 27017), ("c", 27017)]),
        ("the container of the primary replaced", &[("d", 27017), ("b", 27017), ("c", 27017)]),
        ("other ports for all", &[("d", 27117), ("b", 27117), ("c", 27117)]),
        ("one member left", &[("b", 27117)]),
    ];
    let writer = client.writer();
    for (what, members) in edits {
        system.rewrite(&with_members(members));
        system.up();
        system.plan(0);
        let hosts =
            client.eval("sorted(m['host'] for m in client.admin.command('replSetGetConfig')['config']['members'])");
        let last = |name: &str| 11 + name.as_bytes()[0] - b'a';
        let mut wanted: Vec<String> = members.iter().map(|(name, port)| system.host(last(name), *port)).collect();
        wanted.sort();
        assert_eq!(hosts, serde_json::json!(wanted), "{what}");
        assert_full(&client);
    }
    let gap = writer.stop();
    eprintln!("measured: four edits of a set with data, longest time without a write {gap:.2} s");
    assert!(gap < 15.0, "no write for {gap} s");
    // What left is stopped, and what it had is kept.
    let running = system.guest("a", "pgrep -c mongod || true");
    assert_eq!(running.trim(), "0");
    assert!(system.guest("a", "ls /var/lib/mongodb").contains("rs.1"));
}

/// Another name is refused before anything is written.
#[test]
fn another_name_for_a_set_is_refused() {
    let system = System::set_of_three("named", 41);
    system.up();
    fill(&system.rs());
    let files = |system: &System| system.guest("db", "find /etc /var/lib/distctl -type f | sort | xargs sha256sum");
    let before = files(&system);
    system.edit("    rs:", "    other:");
    system.distctl(&["up"]).ended_with(1).says(&["other", "rs", "import --map rs=other"]);
    assert_eq!(files(&system), before);
    system.edit("    other:", "    rs:");
    system.plan(0);
    assert_full(&system.rs());
}

const SINGLE: &str = "
containers:
  NAME-db: { ipv4: NET.11, packages: [libcurl4] }
  NAME-e: { ipv4: NET.12, packages: [libcurl4] }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
";

/// Another port, another container (refused), and then a set whose most preferred member is new.
#[test]
fn a_single_mongod_takes_its_data_along() {
    let single = |place: &str| format!("{SINGLE}  standalone:\n    main: {{ {place} }}\n");
    let system = System::declare("takes", 42, &single("container: NAME-db, port: 27017"));
    system.up();
    fill(&system.main());
    system.rewrite(&single("container: NAME-db, port: 27018"));
    system.mends(&["mongod-27017", "27018"]);
    let at = |last, port| Mongo::direct(&system.host(last, port)).login("admin", &system.secret("db", "main.admin"));
    assert_full(&at(11, 27018));

    system.rewrite(&single("container: NAME-e, port: 27018"));
    system.distctl(&["up"]).ended_with(1).says(&["main", "takes-db", "/var/lib/mongodb/main"]);
    assert_full(&at(11, 27018));

    // Two edits in one: a set whose most preferred member is new, and another port for the old one.
    let member = |name: &str, more: &str| format!("        - {{ container: NAME-{name}, port: {more} }}\n");
    let members = member("e", "27018, priority: 2") + &member("db", "27028");
    system.rewrite(&format!("{SINGLE}  replica_sets:\n    main:\n      members:\n{members}"));
    system.up();
    system.plan(0);
    let hosts = [system.host(12, 27018), system.host(11, 27028)];
    let client = Mongo::set("main", &hosts).login("admin", &system.secret("e", "main.admin"));
    wait_until("the preferred member leads", Duration::from_secs(60), || client.members()[&hosts[0]] == "PRIMARY");
    assert_full(&client);
    assert_full(&Mongo::direct(&hosts[1]).login("admin", &system.secret("db", "main.admin")));
}

/// A container that stands when a member is added elsewhere: it is looked into first, since it has the only passwords.
#[test]
fn what_stands_is_looked_into_before_secrets_are_made() {
    let system = System::declare("stands", 44, &with_members(&[("a", 27017)]));
    system.up();
    fill(&set(&system, "a", &[(11, 27017)]));
    let before = system.secret("a", "rs.admin");
    lab().incus(&["stop", "--force", "stands-a"]);
    system.rewrite(&with_members(&[("a", 27017), ("b", 27017)]));
    system.up();
    system.plan(0);
    assert_eq!(system.secret("a", "rs.admin"), before);
    assert_eq!(system.secret("b", "rs.admin"), before);
    assert_full(&set(&system, "b", &[(11, 27017), (12, 27017)]));
}

/// With the file as it was then, and with a file that has changed since: what the snapshot has comes back, and moves again.
#[test]
fn a_snapshot_from_before_a_move_is_gone_back_to() {
    let (before, after) = (with_members(&[("a", 27017)]), with_members(&[("b", 27017)]));
    let system = System::declare("goback", 45, &before);
    system.up();
    let at = |name, last| set(&system, name, &[(last, 27017)]);
    fill(&at("a", 11));
    system.distctl(&["snapshot", "create", "first"]).ended_with(0);
    system.rewrite(&after);
    system.up();
    at("b", 12).eval("client.shop.things.delete_many({}).deleted_count");
    system.rewrite(&before);
    system.distctl(&["snapshot", "restore", "first"]).ended_with(0);
    system.plan(0);
    assert_full(&at("a", 11));
    system.rewrite(&after);
    system.distctl(&["snapshot", "restore", "first"]).ended_with(0);
    system.plan(0);
    assert_full(&at("b", 12));
    // Nothing is lost where the file could not be carried out afterwards.
    at("b", 12).eval("client.shop.get_collection('more').insert_one({'_id': 1}).acknowledged");
    system.edit("    rs:", "    other:");
    system.distctl(&["snapshot", "restore", "first"]).ended_with(1).says(&["other", "nothing was changed"]);
    assert_eq!(at("b", 12).eval("client.shop.more.count_documents({})"), 1);
}
