//! Networks, addresses, instances and their states on a real daemon.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use distctl::incus::{Client, Instance, NewInstance, Source, Status};

use super::{Guest, client};

const BRIDGE: &str = "hi-br0";

#[tokio::test]
async fn networks_addresses_and_states() {
    let client = client().await;
    bridge(&client).await;
    let nic = [("type", "nic"), ("network", BRIDGE), ("name", "eth0"), ("ipv4.address", "10.61.0.10")];
    let nic: BTreeMap<String, String> = nic.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let first = Guest::start(&client, "hi-a", BTreeMap::from([("eth0".into(), nic.clone())])).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.instance_state(&first.0).await.unwrap().addresses("eth0")
        != ["10.61.0.10".parse::<std::net::IpAddr>().unwrap()]
    {
        assert!(Instant::now() < deadline, "no address");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(client.allocations().await.unwrap().iter().any(|taken| taken.address == "10.61.0.10/32"));
    clash(&client, &nic).await;
    assert!(client.delete_network(BRIDGE).await.unwrap_err().is_in_use());
    change(&client, &first.0).await;
    drop(first);
    client.delete_network(BRIDGE).await.unwrap();
}

/// Makes the bridge anew.
async fn bridge(client: &Client) {
    for name in ["hi-a", "hi-b"] {
        let _ = client.stop_instance(name, Duration::ZERO, true).await;
        let _ = client.delete_instance(name).await;
    }
    let _ = client.delete_network(BRIDGE).await;
    let config =
        [("ipv4.address", "10.61.0.1/24"), ("ipv4.dhcp.ranges", "10.61.0.200-10.61.0.250"), ("ipv6.address", "none")];
    let config = config.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    client.create_network(BRIDGE, "test", &config).await.unwrap();
    assert!(client.create_network(BRIDGE, "test", &config).await.unwrap_err().is_conflict());
    assert!(client.create_network("hi-br1", "test", &config).await.unwrap_err().is_address_in_use());
    let mut network = client.network(BRIDGE).await.unwrap();
    network.config.insert("user.hi".into(), "1".into());
    client.update_network(&network).await.unwrap();
    assert!(client.update_network(&network).await.unwrap_err().is_precondition_failed());
}

/// A second container with the same address is made, and fails to start.
async fn clash(client: &Client, nic: &BTreeMap<String, String>) {
    let devices = BTreeMap::from([("eth0".into(), nic.clone())]);
    let source = Source::Alias("debian/12".into());
    let (name, description) = ("hi-b".to_owned(), String::new());
    let new = NewInstance { name, description, config: BTreeMap::new(), devices, profiles: None, source };
    client.create_instance(&new).await.unwrap();
    assert!(client.create_instance(&new).await.unwrap_err().is_conflict());
    let error = client.start_instance("hi-b").await.unwrap_err();
    assert!(error.is_address_in_use() && error.is_conflict(), "{error:?}");
    client.delete_instance("hi-b").await.unwrap();
    assert!(client.delete_instance("hi-b").await.unwrap_err().is_not_found());
    let missing = NewInstance { source: Source::Alias("hi/nosuch".into()), ..new };
    assert!(client.create_instance(&missing).await.unwrap_err().is_image_unavailable());
}

/// Changes configuration and state, and states that are there already are no error.
async fn change(client: &Client, name: &str) {
    let listed = client.instances_with_state().await.unwrap().into_iter().find(|one| one.name == name).unwrap();
    assert_eq!(listed.state.unwrap().status, Status::Running);
    let keys = BTreeMap::from([("user.hi".into(), Some("x".into())), ("boot.autostart".into(), None)]);
    client.patch_instance(name, &keys, &BTreeMap::new(), "still").await.unwrap();
    let mut instance: Instance = client.instance(name).await.unwrap();
    assert_eq!((instance.description.as_str(), instance.config["user.hi"].as_str()), ("still", "x"));
    assert!(!instance.config.contains_key("boot.autostart"));
    instance.config.remove("user.hi");
    client.update_instance(&instance).await.unwrap();
    assert!(client.update_instance(&instance).await.unwrap_err().is_precondition_failed());
    client.start_instance(name).await.unwrap();
    client.restart_instance(name, Duration::from_secs(30)).await.unwrap();
    assert!(client.delete_instance(name).await.unwrap_err().is_running());
    client.stop_instance(name, Duration::from_secs(30), true).await.unwrap();
    client.stop_instance(name, Duration::from_secs(30), false).await.unwrap();
    assert!(client.run(name, &["true"], vec![]).await.unwrap_err().is_not_running());
    assert!(!client.instance_log(name).await.unwrap().contains('\0'));
}
