//! Networks, projects, instances and files.

use std::collections::BTreeMap;

use distctl::incus::{FileAttributes, FileBody, NewInstance, Source, Status};

use super::client;
use crate::fake::Fake;

fn new(name: &str, source: Source) -> NewInstance {
    let config = BTreeMap::from([("user.distctl.topology".into(), "t".into())]);
    let nic = [("type", "nic"), ("network", "incusbr0"), ("name", "eth0"), ("ipv4.address", "10.0.0.9")];
    let nic = nic.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let devices = BTreeMap::from([("eth0".into(), nic)]);
    NewInstance { name: name.into(), description: "d".into(), config, devices, profiles: None, source }
}

#[tokio::test]
async fn networks_change_only_as_they_were_read() {
    let fake = Fake::start();
    let client = client(&fake).await;
    assert!(client.network("br").await.unwrap_err().is_not_found());
    let config = BTreeMap::from([("ipv4.address".to_owned(), "10.0.0.1/24".to_owned())]);
    client.create_network("br", "ours", &config).await.unwrap();
    assert!(client.create_network("br", "ours", &config).await.unwrap_err().is_conflict());
    let mut network = client.network("br").await.unwrap();
    assert_eq!((network.managed, network.used_by.len(), network.description.as_str()), (true, 0, "ours"));
    network.config.insert("user.x".into(), "1".into());
    client.update_network(&network).await.unwrap();
    let error = client.update_network(&network).await.unwrap_err();
    assert!(error.is_precondition_failed() && !error.is_conflict(), "{error}");
    assert_eq!(client.allocations().await.unwrap()[0].address, "10.0.0.1/24");
    client.delete_network("br").await.unwrap();
    assert!(client.allocations().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_lease_is_a_key_of_the_project() {
    let fake = Fake::start();
    let client = client(&fake).await;
    let (mut mine, mut theirs) = (client.read_project().await.unwrap(), client.read_project().await.unwrap());
    mine.config.insert("user.distctl.lock".into(), "me".into());
    theirs.config.insert("user.distctl.lock".into(), "they".into());
    client.update_project(&mine).await.unwrap();
    assert!(client.update_project(&theirs).await.unwrap_err().is_precondition_failed());
    let now = client.read_project().await.unwrap();
    assert_eq!((now.config["user.distctl.lock"].as_str(), now.config.len()), ("me", 2));
}

#[tokio::test]
async fn instances_are_made_changed_and_deleted() {
    let fake = Fake::start();
    let client = client(&fake).await;
    let missing = client.create_instance(&new("db1", Source::Alias("nosuch".into()))).await.unwrap_err();
    assert!(missing.is_image_unavailable(), "{missing}");
    client.create_instance(&new("db1", Source::Alias("debian/12".into()))).await.unwrap();
    let again = client.create_instance(&new("db1", Source::Alias("debian/12".into()))).await.unwrap_err();
    assert!(again.is_conflict() && !again.is_not_found(), "{again}");
    let sent = fake.requests().into_iter().rfind(|request| request.method == "POST").unwrap().body;
    assert_eq!((sent.get("profiles"), &sent["config"]["user.distctl.topology"]), (None, &"t".into()));

    let mut instance = client.instance("db1").await.unwrap();
    assert_eq!((instance.status.clone(), instance.expanded_devices.len()), (Status::Stopped, 2));
    let changes = BTreeMap::from([("limits.cpu".into(), Some("2".into())), ("user.distctl.topology".into(), None)]);
    client.patch_instance("db1", &changes, &BTreeMap::new(), &instance.description).await.unwrap();
    assert!(client.update_instance(&instance).await.unwrap_err().is_precondition_failed());
    instance = client.instance("db1").await.unwrap();
    assert_eq!(instance.config.get("limits.cpu").map(String::as_str), Some("2"));
    assert!(!instance.config.contains_key("user.distctl.topology") && instance.description == "d");
    instance.devices.clear();
    client.update_instance(&instance).await.unwrap();
    assert!(client.instance("db1").await.unwrap().devices.is_empty());

    client.start_instance("db1").await.unwrap();
    assert!(client.delete_instance("db1").await.unwrap_err().is_running());
    client.stop_instance("db1", std::time::Duration::ZERO, true).await.unwrap();
    client.delete_instance("db1").await.unwrap();
    assert!(client.delete_instance("db1").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn two_hundred_containers_are_one_request() {
    let fake = Fake::start();
    for number in 0..200 {
        fake.world().add_container(&format!("c{number:03}"), &format!("10.0.1.{number}"), "Running");
    }
    let client = client(&fake).await;
    let all = client.instances_with_state().await.unwrap();
    let first = all[7].state.as_ref().unwrap().addresses("eth0");
    assert_eq!((all.len(), first), (200, vec!["10.0.1.7".parse().unwrap()]));
    assert!(client.instances().await.unwrap().iter().all(|instance| instance.state.is_none()));
    assert_eq!(client.requests().reads, 3);
}

#[tokio::test]
async fn taken_addresses_show_at_the_start() {
    let fake = Fake::start();
    fake.world().add_container("a", "10.0.0.2", "Running");
    fake.world().add_container("b", "10.0.0.2", "Stopped");
    let error = client(&fake).await.start_instance("b").await.unwrap_err();
    assert!(error.is_address_in_use(), "{error}");
}

#[tokio::test]
async fn image_aliases_may_be_missing() {
    let fake = Fake::start();
    let client = client(&fake).await;
    assert_eq!(client.image_alias("debian/12").await.unwrap().as_deref(), Some("5f69941615b7"));
    assert_eq!(client.image_alias("nosuch").await.unwrap(), None);
}

#[tokio::test]
async fn files_get_their_attributes_even_when_they_exist() {
    let fake = Fake::start();
    fake.world().add_container("db1", "10.0.0.2", "Running");
    let client = client(&fake).await;
    let file = |name: &str| fake.world().instances["db1"].files[name].clone();
    let first = FileAttributes { uid: 0, gid: 0, mode: 0o644 };
    client.push_file("db1", "/etc/x", &first, FileBody::Bytes("one".into())).await.unwrap();
    assert_eq!(fake.count("DELETE", "/1.0/instances/db1/files"), 0);
    let second = FileAttributes { uid: 100, gid: 101, mode: 0o755 };
    client.push_file("db1", "/etc/x", &second, FileBody::Bytes("two".into())).await.unwrap();
    assert_eq!((file("/etc/x").attributes, file("/etc/x").content.as_slice()), ((100, 101, 0o755), &b"two"[..]));
    assert_eq!(client.read_file("db1", "/etc/x").await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(client.read_file("db1", "/etc/y").await.unwrap(), None);
    assert!(client.read_file("db2", "/etc/y").await.unwrap_err().is_not_found());
    assert!(client.read_file("db1", "/etc").await.unwrap_err().to_string().contains("/files"));
}

#[tokio::test]
async fn directories_are_made_with_those_above() {
    let fake = Fake::start();
    fake.world().add_container("db1", "10.0.0.2", "Running");
    let client = client(&fake).await;
    let file = |name: &str| fake.world().instances["db1"].files[name].clone();
    let first = FileAttributes { uid: 0, gid: 0, mode: 0o644 };
    let above = client.push_file("db1", "/srv/a/x", &first, FileBody::Bytes("x".into())).await.unwrap_err();
    assert!(above.is_not_found(), "{above}");
    client.make_directory("db1", "/srv/a/b", &FileAttributes { uid: 7, gid: 7, mode: 0o700 }).await.unwrap();
    assert_eq!((file("/srv/a").attributes, file("/srv/a/b").attributes), ((0, 0, 0o755), (7, 7, 0o700)));
    assert!(client.make_directory("db2", "/srv/a", &first).await.unwrap_err().is_not_found());
    assert!(client.delete_file("db1", "/srv/a").await.is_err());
    client.delete_file("db1", "/srv/a/b").await.unwrap();
}

#[tokio::test]
async fn files_of_this_host_are_streamed_with_their_length() {
    let fake = Fake::start();
    fake.world().add_container("db1", "10.0.0.2", "Running");
    let client = client(&fake).await;
    let path = fake.directory().join("artifact");
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
    std::fs::write(&path, &content).unwrap();
    let attributes = FileAttributes { uid: 0, gid: 0, mode: 0o755 };
    client.push_file("db1", "/usr/local/bin/x", &attributes, FileBody::Host(path.clone())).await.unwrap();
    assert_eq!(fake.world().instances["db1"].files["/usr/local/bin/x"].content, content);
    assert_eq!(fake.requests().last().unwrap().length, Some(3_000_000));
    std::fs::remove_file(&path).unwrap();
    let error = client.push_file("db1", "/usr/local/bin/x", &attributes, FileBody::Host(path)).await.unwrap_err();
    assert!(error.to_string().contains("artifact"), "{error}");
}
