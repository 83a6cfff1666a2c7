//! `up` from nothing, and `up` again.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Mongo, Running, lab, wait_until};
use crate::platform::{CONTAINERS, Platform, platform};

#[test]
fn containers_have_their_addresses_inside() {
    let platform = platform();
    for (name, last) in CONTAINERS.iter().zip(10..) {
        let shown = platform.system.guest(name, "ip -4 -o address show dev eth0");
        assert_eq!(shown.matches("inet ").count(), 1, "{name}: {shown}");
        assert!(shown.contains(&format!("inet 10.61.1.{last}/24")), "{name}: {shown}");
        let names = platform.system.guest(name, "getent hosts plat-db2");
        assert!(names.starts_with("10.61.1.13"), "{name}: {names}");
    }
}

#[test]
fn units_are_enabled_and_active() {
    let platform = platform();
    for (container, ports) in [("db1", 3), ("db2", 3), ("db3", 1)] {
        for port in (27017..).take(ports) {
            let script = format!("systemctl is-enabled mongod-{port}; systemctl is-active mongod-{port}");
            assert_eq!(platform.system.guest(container, &script), "enabled\nactive\n", "{container} {port}");
        }
        let failed = platform.system.guest(container, "systemctl --failed --plain --no-legend");
        assert_eq!(failed, "", "{container}");
    }
}

#[test]
fn sets_are_healthy_and_the_favourite_is_primary() {
    let platform = platform();
    for (set, last) in [("rsA", 12), ("rsB", 13)] {
        let states = platform.admin(set).members();
        assert_eq!(states[platform.system.host(last, 27017)], "PRIMARY", "{set}: {states}");
        assert_eq!(states.as_object().unwrap().len(), 3);
        platform.admin(set).await_healthy(3);
        let settings = &platform.admin(set).config()["settings"];
        assert_eq!(settings["electionTimeoutMillis"], 2000, "{set}");
    }
}

/// What an owner's users and their roles are, sorted.
fn users(admin: &Mongo) -> Value {
    let listed = "[[u['user'], sorted(r['role'] + '@' + r['db'] for r in u['roles'])] \
                  for u in sorted(client.admin.command('usersInfo')['users'], key=lambda u: u['user'])]";
    admin.eval(listed)
}

#[test]
fn users_have_exactly_their_roles() {
    let platform = platform();
    let agents = &users(&platform.admin("rsA"))[1][1];
    let wanted = json!([["admin", ["root@admin"]], ["distctl-agent", agents], ["web", ["readWrite@products_db"]]]);
    for set in ["rsA", "rsB"] {
        assert_eq!(users(&platform.admin(set)), wanted, "{set}");
    }
    assert!(!agents.to_string().contains("root"), "{agents}");
    let single = Mongo::direct(&platform.system.host(14, 27017));
    let single = single.login("admin", &platform.system.secret("db3", "users.admin"));
    assert_eq!(users(&single)[1], json!(["auth", ["readWrite@auth_db"]]));
}

#[test]
fn nobody_gets_in_without_a_password() {
    let platform = platform();
    let script = "out([refused(lambda: client.products_db.products.find_one()), \
                  refused(lambda: client.admin.command('listDatabases')), \
                  refused(lambda: client.admin.command('createUser', 'eve', pwd='x', roles=[]))])";
    assert_eq!(platform.anonymous("rsA").run(script), json!([true, true, true]));
    assert_eq!(Mongo::direct(&platform.system.host(14, 27017)).run(script), json!([true, true, true]));
    let wrong = platform.anonymous("rsA").login("admin", "wrong");
    assert_eq!(wrong.eval("refused(lambda: client.admin.command('listDatabases'))"), json!(true));
}

#[test]
fn a_service_may_use_its_own_database_and_nothing_else() {
    let platform = platform();
    let password = platform.system.secret("web", "rsA.web");
    let web = platform.anonymous("rsA").login("web", &password);
    let script = "client.products_db.story.insert_one({'a': 1})\nclient.products_db.story.drop()\n\
        out([refused(lambda: client.other_db.story.insert_one({})), \
        refused(lambda: client.products_db.command('createUser', 'eve', pwd='x', roles=[])), \
        refused(lambda: client.admin.command('replSetGetConfig')), \
        refused(lambda: client.admin.command('shutdown')), \
        refused(lambda: client.local['oplog.rs'].find_one()), \
        refused(lambda: client.admin['system.users'].find_one())])";
    assert_eq!(web.run(script), json!([true, true, true, true, true, true]));
}

/// All secrets in the guests, by value.
fn secrets(platform: &Platform) -> BTreeSet<String> {
    let print_all = "cd /var/lib/distctl/secrets 2>/dev/null || exit 0; for f in *; do cat $f; echo; done";
    let all = CONTAINERS.iter().map(|name| platform.system.guest(name, print_all)).collect::<String>();
    // The beginning is enough: whoever cuts a key off after a hundred characters has told it all the same.
    all.lines().filter(|line| !line.is_empty()).map(|line| line.chars().take(20).collect()).collect()
}

#[test]
fn no_secret_shows_anywhere() {
    let platform = platform();
    let secrets = secrets(&platform);
    // Two keyfiles; admin and agent of three, and three of the services; three that the topology names.
    assert_eq!(secrets.len(), 2 + 6 + 3 + 3);
    // The one that a person needs was shown once.
    let shown = platform.system.secret("auth", "admin");
    assert_eq!(platform.birth.all().matches(&shown).count(), 1);
    let mut places = vec![("distctl".to_owned(), platform.birth.all().replace(&shown, ""))];
    places.push(("incusd's log".into(), std::fs::read_to_string(lab().state().join("log")).unwrap()));
    let queries = ["/1.0/instances?recursion=2", "/1.0/projects?recursion=1", "/1.0/operations?recursion=1"];
    places.extend(queries.map(|path| (path.to_owned(), lab().incus(&["query", path]))));
    for name in CONTAINERS {
        // A service has its secrets in its environment, which it and root alone can read.
        let look = "set +e; ps -eo args; journalctl --no-pager -o cat; \
            for pid in $(ps -eo pid=,user= | awk '$2 != \"auth\" && $2 != \"web\" { print $1 }'); do \
            tr '\\0' '\\n' 2>/dev/null < /proc/$pid/environ; done; \
            cat /var/log/mongodb/* 2>/dev/null; cat /etc/systemd/system/*.service /etc/distctl/mongod-*.conf 2>/dev/null; true";
        places.push((name.to_owned(), platform.system.guest(name, look)));
    }
    for (place, text) in &places {
        assert!(text.len() > 1, "{place} is empty");
        let shown = secrets.iter().filter(|secret| text.contains(secret.as_str())).count();
        assert_eq!(shown, 0, "{place} shows secrets");
    }
}

#[test]
fn secrets_can_be_read_by_their_users_alone() {
    let platform = platform();
    for name in ["db1", "db2", "db3", "web", "auth"] {
        let store = platform.system.guest(name, "stat -c '%a %U:%G' /var/lib/distctl/secrets");
        assert_eq!(store, "700 root:root\n", "{name}");
        let stored = platform.system.guest(name, "stat -c '%a %U:%G' /var/lib/distctl/secrets/* | sort -u");
        assert_eq!(stored, "400 root:root\n", "{name}");
    }
    for name in ["db1", "db2", "db3"] {
        let used = platform.system.guest(name, "stat -c '%a %U:%G' $(ls /etc/distctl/* | grep -v conf) | sort -u");
        assert_eq!(used, "400 mongodb:mongodb\n", "{name}");
    }
    assert_eq!(platform.system.guest("web", "ls /var/lib/distctl/secrets"), "rsA.web\nrsB.web\nweb\n");
    assert_eq!(platform.system.guest("auth", "ls /var/lib/distctl/secrets"), "admin\njwt\nusers.auth\n");
    for (container, service) in [("web", "web"), ("auth", "auth")] {
        let environment = platform.system.guest(container, &format!("stat -c '%a %U:%G' /etc/distctl/{service}.env"));
        assert_eq!(environment, "600 root:root\n");
    }
}

#[test]
fn mongods_listen_on_their_address_and_loopback_only() {
    let platform = platform();
    let listening = "ss -ltnH | awk '{print $4}' | grep ':270' | sort";
    let shown = platform.system.guest("db1", listening);
    let wanted = (27017..27020).map(|port| format!("10.61.1.12:{port}\n"));
    let wanted: String = wanted.chain((27017..27020).map(|port| format!("127.0.0.1:{port}\n"))).collect();
    assert_eq!(shown, wanted);
}

#[test]
fn caches_fit_into_the_limits() {
    let platform = platform();
    let size = "client.admin.command('serverStatus')['wiredTiger']['cache']['maximum bytes configured']";
    // 2 GiB hold three caches of 256 MiB, the least there is; 4 GiB three of (4096 - 600) / 6 MiB.
    for (set, at_least, at_most) in [("rsA", 256, 256), ("rsB", 578, 583)] {
        let mib = platform.admin(set).eval(size).as_u64().unwrap() >> 20;
        assert!((at_least..=at_most).contains(&mib), "{set}: {mib} MiB");
    }
}

/// Brings lists of names into an order: Incus gives users of a network in any.
fn in_order(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            if items.iter().all(Value::is_string) {
                items.sort_by_key(ToString::to_string);
            }
            items.into_iter().map(in_order).collect()
        }
        Value::Object(fields) => fields.into_iter().map(|(key, field)| (key, in_order(field))).collect(),
        other => other,
    }
}

#[test]
fn a_second_up_has_nothing_to_do_and_writes_nothing() {
    let platform = platform();
    let state = || {
        ["/1.0/instances", "/1.0/networks", "/1.0/projects", "/1.0/profiles", "/1.0/images"]
            .map(|path| in_order(lab().query(&format!("{path}?recursion=1"))))
    };
    CONTAINERS.iter().for_each(|name| drop(platform.system.guest(name, "touch /tmp/before")));
    let mut monitor = Running::start(Command::new("sh").args(["-c", "exec incus monitor --format json 1>&2"]));
    // The monitor tells its own arrival, after which nothing is missed.
    assert!(
        monitor.said(|line| line.contains("Event listener") || line.contains("listener")),
        "{}",
        monitor.end().all()
    );
    let before = state();
    let second = platform.system.up().says(&["nothing to do"]);
    platform.system.plan(0);
    platform.system.distctl(&["status"]).ended_with(0);
    assert!(state() == before, "what Incus holds has changed");
    monitor.signal("TERM");
    let events = monitor.end().stderr;
    let touched =
        CONTAINERS.map(|name| platform.system.guest(name, "find /etc /usr /var/lib/distctl -cnewer /tmp/before"));
    assert_eq!(touched, [""; 5], "files in the guests");
    let actions: BTreeSet<String> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["type"] == "lifecycle")
        .map(|event| event["metadata"]["action"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(actions, BTreeSet::from(["instance-exec".to_owned()]), "only the agents looked");
    eprintln!("measured: a second up took {:.2} s", second.took.as_secs_f64());
}

#[test]
fn units_come_back_with_their_container() {
    let platform = platform();
    lab().incus(&["restart", "plat-db3"]);
    wait_until("the mongod of db3 is back", std::time::Duration::from_secs(60), || {
        lab().try_guest("plat-db3", "systemctl is-active mongod-27017").code == Some(0)
    });
    wait_until("nothing is to do", std::time::Duration::from_secs(60), || {
        platform.system.distctl(&["plan", "--exit-code"]).code == Some(0)
    });
}
