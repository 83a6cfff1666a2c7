//! Addresses of containers that databases live in.

use super::auth::shop;
use super::{plan, settled};

#[test]
fn the_address_of_a_member_is_not_taken_away_whether_it_can_be_asked_or_not() {
    let before = shop("keyfile");
    let mut after = before.clone();
    let nic = after.containers.get_mut("b").unwrap().devices.get_mut("eth0").unwrap();
    nic.insert("ipv4.address".into(), "10.1.0.99".into());
    let running = settled(&before);
    let mut silent = running.clone();
    silent.guest("b").mongods.insert(27017, Err(protocol::MongodAbsence::NotAnswering("it starts".into())));
    let mut stopped = running.clone();
    stopped.stop("b");
    for world in [running, silent, stopped] {
        let refused = plan(&after, &world.seen).refusals;
        let objects: Vec<_> = refused.iter().map(|one| one.object.as_str()).collect();
        assert_eq!(objects, ["container b"]);
        assert!(!refused[0].hint.contains("destroy"), "{}", refused[0].hint);
    }
}
