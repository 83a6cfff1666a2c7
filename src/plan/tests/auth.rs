//! From no passwords to passwords and back.

use std::path::Path;

use proptest::prelude::*;
use protocol::Security;

use super::model::World;
use super::{plan, settled};
use crate::desired::Desired;
use crate::desired::expand::{AgentFile, expand};
use crate::plan::{Options, diff, restart};
use crate::topology::parse;

const SHOP: &str = r#"
name: shop
network: { name: br0, ipv4: 10.1.0.1/24 }
containers:
  a: { ipv4: 10.1.0.11 }
  b: { ipv4: 10.1.0.12 }
  web: { ipv4: 10.1.0.20 }
mongodb:
  binary: /usr/bin/mongod
  auth: AUTH
  replica_sets:
    rs:
      members:
        - { container: a, port: 27017, priority: 2 }
        - { container: a, port: 27018 }
        - { container: b, port: 27017 }
  standalone:
    users: { container: b, port: 27020 }
services:
  shop-web:
    container: web
    command: /usr/bin/web
    environment:
      A: "{{ mongodb.rs.uri(db='shop') }} {{ mongodb.users.uri(db='users') }}"
"#;

pub(super) fn shop(auth: &str) -> Desired {
    let agent = AgentFile { sha256: "0123456789abcdef".repeat(4), size: 1_000 };
    let topology = parse(&SHOP.replace("AUTH", auth), Path::new("topology.yaml")).unwrap();
    expand(&topology, Path::new("/nowhere"), &agent).unwrap()
}

#[test]
fn a_running_set_begins_to_ask_for_passwords_member_by_member() {
    let mut world = settled(&shop("none"));
    let desired = shop("keyfile");
    let first = plan(&desired, &world.seen);
    insta::assert_snapshot!(first, @"");
    world.carry_out(&first, &desired);
    let second = plan(&desired, &world.seen);
    insta::assert_snapshot!(second, @"");
    world.carry_out(&second, &desired);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_running_set_ceases_to_ask_for_passwords_member_by_member() {
    let mut world = settled(&shop("keyfile"));
    let desired = shop("none");
    let first = plan(&desired, &world.seen);
    insta::assert_snapshot!(first, @"");
    world.carry_out(&first, &desired);
    let second = plan(&desired, &world.seen);
    insta::assert_snapshot!(second, @"");
    world.carry_out(&second, &desired);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_member_that_was_restarted_too_soon_is_brought_back_first() {
    let mut world = settled(&shop("none"));
    let desired = shop("keyfile");
    world.restart_as(&desired.replica_sets["rs"].members[2], Security::Enforced, &desired);
    let options = Options { scope: desired.scope(&["rs".into()]).unwrap(), adopt: false };
    let plan = diff(&desired, &world.seen, &options).to_string();
    let steps = plan.split_once("write 3 files").unwrap().1;
    insta::assert_snapshot!(steps, @"");
    world.settle(&desired);
    assert_eq!(securities(&world, &desired), [Security::Enforced; 4]);
}

#[test]
fn a_restart_on_request_waits_until_all_members_are_of_one_kind() {
    let world = settled(&shop("none"));
    let plan = restart(&shop("keyfile"), &world.seen, &["rs".into()]);
    assert_eq!(plan.steps, []);
    insta::assert_snapshot!(plan, @"");
}

#[test]
fn who_does_not_say_whether_it_asks_is_named() {
    let desired = shop("keyfile");
    let mut world = settled(&desired);
    world.mongod("a", 27018).security = None;
    world.mongod("b", 27020).security = None;
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_template_of_ones_own_that_knows_no_way_between_is_refused() {
    let world = settled(&shop("keyfile"));
    let mut desired = shop("none");
    desired.containers.get_mut("b").unwrap().transitions.get_mut("mongod-27017.service").unwrap().files.clear();
    insta::assert_snapshot!(refusals(&desired, &world), @"");
}

#[test]
fn members_that_could_not_start_again_without_their_key_are_not_restarted() {
    let mut world = settled(&shop("keyfile"));
    world.guest("b").paths.remove("/etc/distctl/rs.keyfile");
    insta::assert_snapshot!(refusals(&shop("none"), &world), @"");
}

#[test]
fn a_set_whose_password_is_lost_is_not_as_declared() {
    let mut world = settled(&shop("keyfile"));
    for (container, port) in [("a", 27017), ("a", 27018), ("b", 27017)] {
        let member = world.mongod(container, port);
        member.access = protocol::Access::Refused("Authentication failed".into());
        (member.config, member.users, member.knows_us) = (None, None, false);
    }
    let plan = plan(&shop("none"), &world.seen);
    insta::assert_debug_snapshot!(plan.findings, @"");
    assert!(!plan.to_string().contains("deploy"), "{plan}");
}

fn refusals(desired: &Desired, world: &World) -> String {
    plan(desired, &world.seen).refusals.iter().map(ToString::to_string).collect()
}

/// Plans and carries out until nothing is left to do; the first passes are killed after so many steps, each followed by
/// a container that starts again.
fn settle(world: &mut World, desired: &Desired, killed: &[(usize, Option<&str>)]) {
    let keyed = shop("keyfile");
    for pass in 0..16 {
        let plan = plan(desired, &world.seen);
        assert_eq!(plan.refusals, []);
        if plan.steps.is_empty() {
            assert!(plan.is_clean(), "{plan}");
            return;
        }
        let (count, again) = killed.get(pass).copied().unwrap_or((usize::MAX, None));
        world.carry_out_changing(count, &plan, desired, &keyed);
        if let Some(container) = again.filter(|name| world.seen.guest(name).is_some()) {
            world.stop(container);
            world.refresh(desired);
        }
    }
    panic!("does not settle:\n{}", plan(desired, &world.seen));
}

fn securities(world: &World, desired: &Desired) -> Vec<Security> {
    let members = desired.replica_sets.values().flat_map(|set| &set.members);
    let mongods = members.chain(desired.standalones.values().map(|single| &single.mongod));
    mongods.map(|mongod| world.security(mongod).unwrap()).collect()
}

#[test]
fn killed_after_any_step_nobody_is_locked_out_and_the_next_run_ends_it() {
    for (from, to, all) in [("none", "keyfile", Security::Enforced), ("keyfile", "none", Security::Open)] {
        let desired = shop(to);
        let start = settled(&shop(from));
        for first in 0..30 {
            for second in [first / 2, usize::MAX] {
                let mut world = start.clone();
                settle(&mut world, &desired, &[(first, None), (second, None)]);
                assert_eq!(securities(&world, &desired), [all; 4]);
            }
        }
    }
}

proptest! {
    #[test]
    fn containers_start_again_while_it_changes(
        keyed in any::<bool>(),
        killed in proptest::collection::vec((0_usize..25, 0_usize..3), 1..5),
    ) {
        let (from, to) = if keyed { ("none", "keyfile") } else { ("keyfile", "none") };
        let mut world = settled(&shop(from));
        let killed: Vec<_> = killed.iter().map(|(count, which)| (*count, [None, Some("a"), Some("b")][*which])).collect();
        settle(&mut world, &shop(to), &killed);
    }

    /// Somebody changes their mind in the middle.
    #[test]
    fn the_way_back_begins_anywhere(keyed in any::<bool>(), steps in 0_usize..50) {
        let (from, to) = if keyed { ("none", "keyfile") } else { ("keyfile", "none") };
        let (before, after) = (shop(from), shop(to));
        let mut world = settled(&before);
        let plan = plan(&after, &world.seen);
        world.carry_out_changing(steps, &plan, &after, &shop("keyfile"));
        let next = super::plan(&after, &world.seen);
        world.carry_out_changing(steps.saturating_sub(plan.steps.len()), &next, &after, &shop("keyfile"));
        settle(&mut world, &before, &[]);
    }
}
