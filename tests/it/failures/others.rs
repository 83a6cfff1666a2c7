//! Things of the declared names and addresses that are not the topology's.

use crate::system::{SHOP, System};

fn owner(system: &System, network: &str) -> String {
    system.fake.world().networks[network]["config"]["user.distctl.topology"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_network_that_is_unlike_is_refused_with_both_ways_out() {
    let system = System::new(SHOP);
    system.fake.world().add_network("shop0", "10.7.0.1/24", &[("ipv4.nat", "true")]);
    let before = system.state();
    let ran = system.up();
    ran.ended(1, &["network shop0", "ipv4.address is 10.7.0.1/24 and not 10.9.0.1/24", "nothing was changed"]);
    ran.ended(1, &["`network: name:`", "`--adopt`"]);
    assert_eq!((system.fake.writes(), system.state()), (0, before));
    assert_eq!(system.run(&["plan", "--exit-code"]).code, Some(1));
}

#[test]
fn a_network_that_is_unlike_is_changed_where_it_is_adopted() {
    let system = System::new(SHOP);
    system.fake.world().add_network("shop0", "10.7.0.1/24", &[("ipv4.nat", "true"), ("user.note", "kept")]);
    system.run(&["up", "--yes", "--adopt"]).ended(0, &["shop is up"]);
    assert_eq!(owner(&system, "shop0"), "shop");
    let config = system.fake.world().networks["shop0"]["config"].clone();
    assert_eq!((&config["ipv4.address"], &config["user.note"]), (&"10.9.0.1/24".into(), &"kept".into()));
    system.assert_settled();
}

#[test]
fn a_network_that_serves_is_used_and_left_as_it_is() {
    let system = System::new(SHOP);
    system.fake.world().add_network("shop0", "10.9.0.1/24", &[("ipv4.nat", "true")]);
    let before = system.fake.world().networks["shop0"].clone();
    system.up().ended(0, &["shop is up"]);
    assert_eq!(system.fake.world().networks["shop0"], before);
    system.assert_settled();
    system.run(&["destroy", "--yes"]).ended(0, &["shop is destroyed"]);
    assert_eq!(system.containers(), []);
    assert_eq!(system.fake.world().networks["shop0"], before, "what is not ours stays");
}

#[test]
fn a_container_that_is_not_ours_is_never_touched() {
    let system = System::new(SHOP);
    system.fake.world().add_container("db2", "10.9.0.12", "Running");
    let before = system.state();
    let ran = system.up();
    ran.ended(1, &["container db2", "exists already and is not distctl's", "nothing was changed", "`--adopt`"]);
    assert_eq!((system.agents.changes(), system.state()), (0, before));
    system.run(&["destroy", "--yes"]).ended(0, &["nothing of shop is there"]);
    assert!(system.fake.world().instances.contains_key("db2"));
}

#[test]
fn an_address_that_is_in_use_is_refused() {
    let system = System::new(SHOP);
    system.fake.world().add_container("printer", "10.9.0.12", "Running");
    let before = system.state();
    let ran = system.up();
    ran.ended(1, &["container db2", "10.9.0.12 is held by /1.0/instances/printer", "another address"]);
    assert_eq!((system.fake.writes(), system.state()), (0, before));
}

#[test]
fn an_address_that_is_taken_meanwhile_fails_its_container_only() {
    let system = System::new(SHOP);
    let text = "Failed start validation for device \"eth0\": IP address \"10.9.0.10\" already defined on another NIC";
    system.fake.fail_next("PUT", "/1.0/instances/web/state", 409, text);
    let ran = system.up();
    ran.ended(
        1,
        &[
            "could not start container web",
            "10.9.0.10",
            "already defined",
            "steps were not done",
            "run the same command again",
        ],
    );
    assert_eq!(system.containers().last(), Some(&("web".to_string(), "Stopped".to_string())));
    assert!(system.containers().iter().filter(|(_, state)| state == "Running").count() == 3);
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
}

#[test]
fn destroy_asks_and_without_a_terminal_refuses() {
    let system = System::settled(SHOP);
    let before = system.state();
    let ran = system.run(&["destroy"]);
    ran.ended(1, &["container db1 with all its data", "network shop0", "--yes"]);
    assert_eq!(system.state(), before);
    system.run(&["destroy", "--yes"]).ended(0, &["shop is destroyed"]);
    assert_eq!(system.containers(), []);
    assert!(system.fake.world().networks.is_empty() && system.lease().is_none());
}

#[test]
fn a_network_that_others_use_stays_and_what_is_destroyed_alone_is_named() {
    let system = System::settled(SHOP);
    system
        .run(&["destroy", "--yes", "--only", "db2"])
        .ended(0, &["container db2 of shop is destroyed; all else stays"]);
    let users = ["/1.0/instances/web", "/1.0/instances/printer?project=office"];
    system.fake.world().networks.get_mut("shop0").unwrap()["used_by"] = serde_json::json!(users);
    system.run(&["destroy", "--yes"]).ended(0, &["network shop0: stays: printer uses it", "shop is destroyed"]);
    assert!(system.containers().is_empty());
    assert!(system.fake.world().networks.contains_key("shop0"));
}

#[test]
fn what_is_put_down_does_not_start_with_the_host() {
    let system = System::settled(SHOP);
    let autostart = || system.fake.world().instances["db1"].object["config"]["boot.autostart"].clone();
    system.run(&["down", "--yes"]).ended(0, &["shop is down"]);
    assert_eq!(autostart(), "false");
    system.run(&["down", "--yes"]).ended(0, &["nothing to do"]);
    system.up().ended(0, &["shop is up"]);
    assert_eq!(autostart(), "true");
    system.assert_settled();
}
