//! From no passwords to passwords and back.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use protocol::Security;

use super::model::World;
use super::{plan, settled};
use crate::desired::Desired;
use crate::desired::expand::{AgentFile, expand};
use crate::plan::{Options, Plan, diff, restart};
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
    insta::assert_snapshot!(brief(&first), @"
       1  write 6 files in a: differs
       2  write 10 files in b: differs
       3  write 2 files in web: differs
       4  ensure users of users: admin, distctl-agent, shop-web: differs  [after 2]
       5  ensure users of rs: admin, distctl-agent, shop-web: differs  [after 1]
       6  write 3 files in a: asks nobody, and is to ask for passwords  [after 1, 5]
       7  restart mongod-27018 in a  [after 6]
       8  wait for mongod 27018 in a  [after 7]
       9  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 8]
      10  write 3 files in b: asks nobody, and is to ask for passwords  [after 2, 9]
      11  restart mongod-27017 in b  [after 10]
      12  wait for mongod 27017 in b  [after 11]
      13  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 12]
      14  write 3 files in a: asks nobody, and is to ask for passwords  [after 1, 13]
      15  step 10.1.0.11:27017 down as primary of rs  [after 14]
      16  restart mongod-27017 in a  [after 15]
      17  wait for mongod 27017 in a  [after 16]
      18  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 17]
      19  hand rs back to 10.1.0.11:27017  [after 18]
      20  deploy shop-web in web: differs  [after 3, 4, 19]
    then: look again, for what only shows when these steps are done
    ");
    world.carry_out(&first, &desired);
    let second = plan(&desired, &world.seen);
    insta::assert_snapshot!(brief(&second), @"
     1  write 4 files in a: differs
     2  reload unit files in a  [after 1]
     3  write 4 files in b: differs
     4  reload unit files in b  [after 3]
     5  restart mongod-27020 in b: runs with an older configuration  [after 4]
     6  wait for mongod 27020 in b  [after 5]
     7  restart mongod-27018 in a: runs with an older configuration  [after 2]
     8  wait for mongod 27018 in a  [after 7]
     9  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 8]
    10  restart mongod-27017 in b: runs with an older configuration  [after 4, 9]
    11  wait for mongod 27017 in b  [after 10]
    12  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 11]
    13  step 10.1.0.11:27017 down as primary of rs: runs with an older configuration  [after 2, 12]
    14  restart mongod-27017 in a: runs with an older configuration  [after 13]
    15  wait for mongod 27017 in a  [after 14]
    16  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 15]
    17  hand rs back to 10.1.0.11:27017  [after 16]
    ");
    world.carry_out(&second, &desired);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_running_set_ceases_to_ask_for_passwords_member_by_member() {
    let mut world = settled(&shop("keyfile"));
    let desired = shop("none");
    let first = plan(&desired, &world.seen);
    insta::assert_snapshot!(brief(&first), @"
       1  write 2 files in b: differs
       2  reload unit files in b  [after 1]
       3  restart mongod-27020 in b: asks for passwords, and is to ask nobody  [after 2]
       4  wait for mongod 27020 in b  [after 3]
       5  write 3 files in a: asks for passwords, and is to ask nobody
       6  restart mongod-27018 in a  [after 5]
       7  wait for mongod 27018 in a  [after 6]
       8  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 7]
       9  write 3 files in b: asks for passwords, and is to ask nobody  [after 2, 8]
      10  restart mongod-27017 in b  [after 9]
      11  wait for mongod 27017 in b  [after 10]
      12  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 11]
      13  write 3 files in a: asks for passwords, and is to ask nobody  [after 12]
      14  step 10.1.0.11:27017 down as primary of rs  [after 13]
      15  restart mongod-27017 in a  [after 14]
      16  wait for mongod 27017 in a  [after 15]
      17  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 16]
      18  hand rs back to 10.1.0.11:27017  [after 17]
      19  deploy shop-web in web: differs  [after 4, 18]
    then: look again, for what only shows when these steps are done
    ");
    world.carry_out(&first, &desired);
    let second = plan(&desired, &world.seen);
    insta::assert_snapshot!(brief(&second), @"
     1  write 6 files in a: differs
     2  reload unit files in a  [after 1]
     3  write 3 files in b: differs
     4  reload unit files in b  [after 3]
     5  restart mongod-27018 in a: runs with an older configuration  [after 2]
     6  wait for mongod 27018 in a  [after 5]
     7  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 6]
     8  restart mongod-27017 in b: runs with an older configuration  [after 4, 7]
     9  wait for mongod 27017 in b  [after 8]
    10  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 9]
    11  step 10.1.0.11:27017 down as primary of rs: runs with an older configuration  [after 2, 10]
    12  restart mongod-27017 in a: runs with an older configuration  [after 11]
    13  wait for mongod 27017 in a  [after 12]
    14  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 13]
    15  hand rs back to 10.1.0.11:27017  [after 14]
    ");
    world.carry_out(&second, &desired);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_member_that_was_restarted_too_soon_is_brought_back_first() {
    let mut world = settled(&shop("none"));
    let desired = shop("keyfile");
    world.restart_as(&desired.replica_sets["rs"].members[2], Security::Enforced, &desired);
    let options = Options { scope: desired.scope(&["rs".into()]).unwrap(), ..Options::default() };
    let plan = diff(&desired, &world.seen, &options).to_string();
    let steps = plan.split_once("write 3 files").unwrap().1;
    insta::assert_snapshot!(steps, @"
     in b: does not understand the other members: they differ in asking for passwords  [after 2]
       5  restart mongod-27017 in b  [after 4]
       6  wait for mongod 27017 in b  [after 5]
       7  wait until 10.1.0.11:27017, 10.1.0.11:27018, 10.1.0.12:27017 of rs are healthy  [after 6]
    degraded: mongod users: asks nobody for passwords before shop-web have theirs (run `distctl up` without `--only`)
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
    assert_eq!(securities(&world, &desired), [Security::Enforced; 4]);
}

#[test]
fn a_restart_on_request_waits_until_all_members_are_of_one_kind() {
    let world = settled(&shop("none"));
    let plan = restart(&shop("keyfile"), &world.seen, &["rs".into()]);
    assert_eq!(plan.steps, []);
    insta::assert_snapshot!(plan, @"refused: replica set rs: runs with another `auth:` than is declared: a member that restarts might not be understood (run `distctl up`: it changes the members one by one)");
}

#[test]
fn who_does_not_say_whether_it_asks_is_named() {
    let desired = shop("keyfile");
    let mut world = settled(&desired);
    world.mongod("a", 27018).security = None;
    world.mongod("b", 27020).security = None;
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    degraded: mongod users: 10.1.0.12:27020 did not say whether it asks for passwords (look at its log with `distctl logs`, then run `distctl plan` again)
    degraded: replica set rs: 10.1.0.11:27018 did not say whether it asks for passwords (look at its log with `distctl logs`, then run `distctl plan` again)
    ");
}

#[test]
fn a_template_of_ones_own_that_knows_no_way_between_is_refused() {
    let world = settled(&shop("keyfile"));
    let mut desired = shop("none");
    desired.containers.get_mut("b").unwrap().transitions.get_mut("mongod-27017.service").unwrap().files.clear();
    insta::assert_snapshot!(refusals(&desired, &world), @"replica set rs: can't begin or cease to ask for passwords member by member: its own templates/mongod.conf has no `transitionToAuth` (where `transition` is true, write `transitionToAuth: true` in it instead of `authorization: enabled`)");
}

#[test]
fn members_that_could_not_start_again_without_their_key_are_not_restarted() {
    let mut world = settled(&shop("keyfile"));
    world.guest("b").paths.remove("/etc/distctl/rs.keyfile");
    insta::assert_snapshot!(refusals(&shop("none"), &world), @"replica set rs: 10.1.0.12:27017 still ask for passwords, and their keyfile is gone from the disk (write `auth: keyfile` again and run `distctl up`, which writes the keyfile; then change it again)");
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
    insta::assert_debug_snapshot!(plan.findings, @r#"
    [
        Finding {
            object: "replica set rs",
            message: "still asks for passwords, and refuses the user distctl-agent: Authentication failed",
            hint: "compare the password in /etc/distctl/rs.distctl-agent with the user in the database `admin`, or restore that user with the administrator's password in /var/lib/distctl/secrets/rs.admin",
        },
    ]
    "#);
    assert!(!plan.to_string().contains("deploy"), "{plan}");
}

/// The steps of a plan without what differs.
fn brief(plan: &Plan) -> String {
    plan.to_string().lines().filter(|line| !line.contains(" -> ")).map(|line| format!("{line}\n")).collect()
}

fn refusals(desired: &Desired, world: &World) -> String {
    plan(desired, &world.seen).refusals.iter().map(ToString::to_string).collect()
}

/// Plans and carries out until nothing is left to do; the first passes are killed after so many steps, each followed by
/// a container that starts again.
fn settle(world: &mut World, desired: &Desired, killed: &[(usize, Option<&str>)]) {
    static KEYED: LazyLock<Desired> = LazyLock::new(|| shop("keyfile"));
    for pass in 0..16 {
        let plan = plan(desired, &world.seen);
        assert_eq!(plan.refusals, []);
        if plan.steps.is_empty() {
            assert!(plan.is_clean(), "{plan}");
            return;
        }
        let (count, again) = killed.get(pass).copied().unwrap_or((usize::MAX, None));
        world.carry_out_changing(count, &plan, desired, &KEYED);
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
    #![proptest_config(ProptestConfig::with_cases(32))]

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
