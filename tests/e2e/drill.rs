//! Failover tests: every fault and target, what is found, and what is left behind.

mod bad_luck;
mod clock;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::harness::{Ran, System, lab};
use crate::platform::platform;

/// A set of three in one container whose disk is bounded, and a container for the clients.
const BODY: &str = "
storage: { pool: default }
containers:
  NAME-db: { ipv4: NET.11, packages: [libcurl4], limits: { disk: 4GiB } }
  NAME-box: { ipv4: NET.12 }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    rs:
      members:
        - { container: NAME-db, port: 27017, priority: 3 }
        - { container: NAME-db, port: 27018, priority: 2 }
        - { container: NAME-db, port: 27019, priority: 1 }
";

/// Whether the story before has left the system as it was.
static IS_CLEAN: AtomicBool = AtomicBool::new(true);

/// The system that all of these break: each leaves it as it was. What a story leaves that fails is undone first, so that
/// the next ones tell of themselves.
fn broken() -> &'static Broken {
    static BROKEN: LazyLock<Broken> = LazyLock::new(|| Broken { system: System::declare("drill", 70, BODY) });
    if !IS_CLEAN.swap(false, Ordering::SeqCst) {
        BROKEN.system.distctl(&["heal", "--lock-wait", "60s"]).ended_with_one_of(&[0, 3]);
    }
    BROKEN.system.up();
    &BROKEN
}

/// A system to break.
struct Broken {
    system: System,
}

impl Broken {
    /// The folder of a run.
    fn folder(&self, name: &str) -> String {
        self.system.folder().join(name).display().to_string()
    }

    /// Runs a failover test with few clients; gives how it ended and its report.
    #[track_caller]
    fn test(&self, name: &str, arguments: &[&str]) -> (Ran, Value) {
        let folder = self.folder(name);
        let usual = ["failover-test", "--clients", "16", "--report", &folder];
        let ran = self.system.distctl(&[&usual[..], arguments].concat());
        let report = std::fs::read(format!("{folder}/report.json")).ok();
        (ran, report.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap()))
    }

    /// Fails unless nothing of a test is left, and all is as declared.
    #[track_caller]
    fn assert_clean(&self) {
        self.system.plan(0);
        let found = "count() { grep -cE \"$1\" || true; }
            nft list tables | count distctl
            tc qdisc show | count htb
            systemctl list-units --all --plain 'distctl-*' | grep -v distctl-rotate | count 'distctl-'
            find /var/lib/distctl/faults /var/lib/distctl/drill /run/distctl/drill /var/lib/mongodb /run/distctl 2>/dev/null |
              count 'faults/|drill/|filler|password'";
        for container in ["db", "box"] {
            let left = self.system.guest(container, found);
            assert!(left.lines().all(|line| line.trim() == "0"), "left in {container}: {left}");
            let instance = lab().query(&format!("/1.0/instances/{}", self.system.container(container)));
            let keys = instance["config"].as_object().unwrap().keys();
            let keys: Vec<&String> = keys.filter(|key| key.starts_with("user.distctl.fault.")).collect();
            assert_eq!(keys, Vec::<&String>::new(), "{container}");
        }
        let rs = self.system.rs();
        assert_eq!(rs.eval("'distctl_drill' in client.list_database_names()"), false);
        assert_eq!(
            rs.eval("[u['user'] for u in client.admin.command('usersInfo')['users'] if 'drill' in u['user']]"),
            serde_json::json!([])
        );
        assert_eq!(self.system.lease(), None);
        IS_CLEAN.store(true, Ordering::SeqCst);
    }
}

fn verdict<'r>(report: &'r Value, check: &str) -> &'r str {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("no checks: {report}"));
    checks.iter().find(|one| one["name"] == check).and_then(|one| one["verdict"].as_str()).unwrap_or("missing")
}

#[test]
fn every_fault_is_undone_and_no_acknowledged_write_is_lost() {
    let broken = broken();
    let faults = "stop,kill,pause,freeze,container-stop,container-kill,partition,partition-pair,partition-one-way,slow,\
                  disk-full,stepdown";
    let (ran, report) = broken.test("all", &["--fault", faults, "--hold", "1s", "--seed", "5"]);
    ran.ended_with(0);
    let rows = report["faults"].as_array().unwrap();
    assert_eq!(rows.len(), 12, "{rows:?}");
    assert!(rows.iter().all(|row| row["verdict"] == "pass"), "{rows:?}");
    assert_eq!(report["numbers"]["lost_writes"], 0);
    for check in ["completeness", "durability", "convergence", "healing", "elections"] {
        assert_eq!(verdict(&report, check), "pass", "{check}");
    }
    broken.assert_clean();
    let folder = broken.folder("all");
    for file in ["history.jsonl", "junit.xml", "report.html", "mongod/10.61.70.11-27018.log"] {
        assert!(std::fs::metadata(format!("{folder}/{file}")).unwrap().len() > 1000, "{file}");
    }
    // Judged again, without Incus, it says the same; a stricter question gets a stricter answer.
    broken.system.distctl(&["check", &folder]).ended_with(0);
    broken.system.distctl(&["check", &folder, "--max-write-gap", "1ms"]).ended_with(1);
}

#[test]
fn every_target_is_hit() {
    let broken = broken();
    let container = broken.system.container("db");
    let targets = format!("secondary,majority,all,{},{container}", broken.system.host(11, 27018));
    let arguments = ["--fault", "kill", "--rounds", "6", "--hold", "0s", "--seed", "3", "--target", &targets];
    let (ran, report) = broken.test("targets", &arguments);
    ran.ended_with(0);
    let hit: Vec<usize> =
        report["faults"].as_array().unwrap().iter().map(|row| row["targets"].as_array().unwrap().len()).collect();
    for count in [1, 2, 3] {
        assert!(hit.contains(&count), "{count} members at once were never hit: {hit:?}");
    }
    broken.assert_clean();
}

/// The lesson: what is acknowledged by one member alone is lost when that member is cut off.
#[test]
fn writes_that_one_member_acknowledged_are_lost_in_a_partition_and_found_in_rollback_files() {
    let broken = broken();
    let (ran, _) = broken.test(
        "compared",
        &["--fault", "partition", "--hold", "4s", "--compare", "w:1,w:majority", "--workload", "inserts"],
    );
    ran.ended_with(1).says(&["w:1", "w:majority"]);
    let report = |name: &str| -> Value {
        let path = format!("{}/{name}/report.json", broken.folder("compared"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let (one, majority) = (report("w-1"), report("w-majority"));
    let number = |report: &Value, name: &str| report["numbers"][name].as_u64().unwrap();
    assert!(number(&one, "lost_writes") > 0, "{}", one["numbers"]);
    assert!(number(&one, "rolled_back_acknowledged") > 0, "{}", one["numbers"]);
    assert_eq!(verdict(&one, "durability"), "fail");
    assert_eq!(number(&majority, "lost_writes"), 0);
    assert_eq!(majority["verdict"], "pass");
    broken.assert_clean();
}

#[test]
fn the_product_platform_is_driven_over_http() {
    let platform = platform();
    let folder = platform.system.folder().join("app").display().to_string();
    // Somebody's own, named as a test's products are but for the mark of the run.
    let own = "{'name': 'B drill 27', 'price': 1.0, 'stock': 27, 'category': 'mine'}";
    platform.admin("rsA").eval(&format!("str(client.products_db.products.insert_one({own}).inserted_id)"));
    let arguments =
        ["failover-test", "rsB", "--workload", "app", "--fault", "kill", "--hold", "1s", "--report", &folder];
    platform.system.distctl(&arguments).ended_with(0);
    let report: Value = serde_json::from_slice(&std::fs::read(format!("{folder}/report.json")).unwrap()).unwrap();
    assert_eq!(report["numbers"]["lost_writes"], 0);
    assert!(report["numbers"]["operations"]["insert"]["acknowledged"].as_u64().unwrap() > 100);
    for (set, own) in [("rsA", 1), ("rsB", 0)] {
        let left =
            platform.admin(set).eval("client.products_db.products.count_documents({'name': {'$regex': ' drill '}})");
        assert_eq!(left, own, "{set}");
    }
    platform.admin("rsA").eval("client.products_db.products.delete_many({'category': 'mine'}).deleted_count");
    platform.system.distctl(&["verify"]).ended_with(0);
}
