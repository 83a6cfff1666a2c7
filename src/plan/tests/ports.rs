//! Ports that the host listens on for containers.

use std::collections::BTreeMap;

use super::{plan, settled, system};
use crate::desired::Desired;

fn expose(desired: &mut Desired, name: &str, listen: &str) {
    let proxy = [("type", "proxy"), ("listen", listen), ("connect", "tcp:10.10.10.15:3000")];
    let proxy: BTreeMap<String, String> = proxy.map(|(key, value)| (key.to_string(), value.to_string())).into();
    desired.containers.get_mut("app").unwrap().devices.insert(format!("expose-{name}"), proxy);
}

#[test]
fn a_port_is_exposed_changed_and_taken_back() {
    let bare = system::blog();
    let mut world = settled(&bare);
    let mut desired = bare.clone();
    expose(&mut desired, "web", "tcp:127.0.0.1:3000");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container app: differs
         device expose-web: unset -> connect=tcp:10.10.10.15:3000 listen=tcp:127.0.0.1:3000 type=proxy (live)
    ");
    assert_eq!(world.settle(&desired), 1);

    expose(&mut desired, "web", "tcp:127.0.0.1:8080");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container app: differs
         device expose-web: connect=tcp:10.10.10.15:3000 listen=tcp:127.0.0.1:3000 type=proxy -> connect=tcp:10.10.10.15:3000 listen=tcp:127.0.0.1:8080 type=proxy (live)
    ");
    assert_eq!(world.settle(&desired), 1);

    insta::assert_snapshot!(plan(&bare, &world.seen), @"
    1  update container app: differs
         device expose-web: connect=tcp:10.10.10.15:3000 listen=tcp:127.0.0.1:8080 type=proxy -> unset (live)
    ");
    assert_eq!(world.settle(&bare), 1);
    assert_eq!(world.container("app").devices, bare.containers["app"].devices);
}

#[test]
fn one_name_goes_and_another_comes_in_one_step() {
    let mut before = system::blog();
    expose(&mut before, "old", "tcp:127.0.0.1:3000");
    let mut world = settled(&before);
    let mut desired = system::blog();
    expose(&mut desired, "new", "tcp:127.0.0.1:3000");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container app: differs
         device expose-new: unset -> connect=tcp:10.10.10.15:3000 listen=tcp:127.0.0.1:3000 type=proxy (live)
         device expose-old: connect=tcp:10.10.10.15:3000 listen=tcp:127.0.0.1:3000 type=proxy -> unset (live)
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn devices_of_others_stay() {
    let desired = system::blog();
    let mut world = settled(&desired);
    let disk = [("type".to_string(), "disk".to_string())].into();
    world.container("app").devices.insert("backups".into(), disk);
    assert!(plan(&desired, &world.seen).is_clean());
}
