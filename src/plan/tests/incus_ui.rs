//! Incus's own web interface: turned on and off, and never taken from others.

use super::model::World;
use super::{plan, settled, system};
use crate::desired::{Desired, IncusUi};
use crate::observed::{Holder, IncusUi as Seen, Part};
use crate::plan::{Options, diff, removal};

fn with_ui(listen: &str) -> Desired {
    Desired { incus_ui: Some(IncusUi { listen: listen.parse().unwrap() }), ..system::empty() }
}

fn on() -> Desired {
    with_ui("127.0.0.1:8443")
}

fn ui(world: &mut World) -> &mut Seen {
    match &mut world.seen.incus_ui {
        Part::Present(seen) => seen,
        other => panic!("the interface is {other:?}"),
    }
}

/// A system without the interface, on a server where others have set the address.
fn others(address: &str) -> World {
    let mut world = settled(&system::empty());
    world.seen.incus_ui = Part::Present(Seen { address: Some(address.into()), ..Seen::default() });
    world
}

#[test]
fn it_is_turned_on_and_off_again() {
    let mut world = settled(&system::empty());
    insta::assert_snapshot!(plan(&on(), &world.seen), @"
    1  turn on Incus's HTTPS listener at 127.0.0.1:8443: missing
    2  trust browser certificate distctl-ui-shop: missing  [after 1]
    ");
    world.settle(&on());
    assert_eq!(ui(&mut world).address.as_deref(), Some("127.0.0.1:8443"));
    insta::assert_snapshot!(plan(&system::empty(), &world.seen), @"
    1  remove browser certificate distctl-ui-shop (000000000000): not declared any more
    2  turn off Incus's HTTPS listener at 127.0.0.1:8443: not declared any more  [after 1]
    ");
    world.settle(&system::empty());
    let left = ui(&mut world);
    assert_eq!((&left.address, &left.noted, left.certificates.len()), (&None, &None, 0));
}

#[test]
fn a_listener_that_serves_is_used_and_left_alone() {
    for address in ["127.0.0.1:8443", ":8443"] {
        let mut world = others(address);
        let first = plan(&on(), &world.seen).to_string();
        insta::allow_duplicates! {
            insta::assert_snapshot!(first.replace(address, "ADDRESS"), @"
            1  use Incus's HTTPS listener at ADDRESS: missing
            2  trust browser certificate distctl-ui-shop: missing  [after 1]
            ");
        }
        world.settle(&on());
        assert_eq!(ui(&mut world).address.as_deref(), Some(address));
        let last = plan(&system::empty(), &world.seen);
        insta::allow_duplicates! {
            insta::assert_snapshot!(last, @"
            1  remove browser certificate distctl-ui-shop (000000000000): not declared any more
            2  leave Incus's HTTPS listener to others: not declared any more  [after 1]
            ");
        }
        world.settle(&system::empty());
        let left = ui(&mut world);
        assert_eq!((left.address.as_deref(), &left.noted), (Some(address), &None));
    }
}

#[test]
fn a_listener_elsewhere_is_refused_with_both_ways_out() {
    let world = others("10.0.0.1:8443");
    insta::assert_snapshot!(plan(&on(), &world.seen), @r#"refused: incus_ui: Incus listens at 10.0.0.1:8443, which distctl did not set, and not at 127.0.0.1:8443 (write `listen: "10.0.0.1:8443"`, or free it: `incus config unset core.https_address`)"#);
}

#[test]
fn it_moves_with_the_topology_and_only_if_it_is_ours() {
    let mut world = settled(&on());
    insta::assert_snapshot!(plan(&with_ui("127.0.0.1:9443"), &world.seen), @"
    1  turn off Incus's HTTPS listener at 127.0.0.1:8443: differs
         incus_ui.listen: 127.0.0.1:8443 -> 127.0.0.1:9443 (live)
    2  turn on Incus's HTTPS listener at 127.0.0.1:9443  [after 1]
    ");
    world.settle(&with_ui("127.0.0.1:9443"));
    assert_eq!(ui(&mut world).address.as_deref(), Some("127.0.0.1:9443"));

    ui(&mut world).address = Some("10.0.0.1:9443".into());
    insta::assert_snapshot!(plan(&with_ui("127.0.0.1:9443"), &world.seen), @r#"refused: incus_ui: Incus listens at 10.0.0.1:9443, which distctl did not set, and not at 127.0.0.1:9443 (write `listen: "10.0.0.1:9443"`, or free it: `incus config unset core.https_address`)"#);
    insta::assert_snapshot!(plan(&system::empty(), &world.seen), @"
    1  remove browser certificate distctl-ui-shop (000000000000): not declared any more
    2  leave Incus's HTTPS listener to others: not declared any more  [after 1]
    ");
    world.settle(&system::empty());
    assert_eq!(ui(&mut world).address.as_deref(), Some("10.0.0.1:9443"));
}

#[test]
fn a_listener_that_somebody_turned_off_is_turned_on_again() {
    let mut world = settled(&on());
    ui(&mut world).address = None;
    insta::assert_snapshot!(plan(&on(), &world.seen), @"   1  turn on Incus's HTTPS listener at 127.0.0.1:8443: missing");
    // The port was taken when distctl turned it on: only its note is there.
    insta::assert_snapshot!(plan(&system::empty(), &world.seen), @"
    1  remove browser certificate distctl-ui-shop (000000000000): not declared any more
    2  forget Incus's HTTPS listener, which is off: not declared any more  [after 1]
    ");
}

#[test]
fn a_lost_certificate_is_replaced_and_those_of_others_stay() {
    let mut world = settled(&on());
    ui(&mut world).certificates.insert("e15e".repeat(16), Holder::Elsewhere);
    assert!(plan(&on(), &world.seen).is_clean());
    ui(&mut world).browser = None;
    insta::assert_snapshot!(plan(&on(), &world.seen), @"
    1  trust browser certificate distctl-ui-shop: missing
    2  remove browser certificate distctl-ui-shop (000000000000): its file is gone  [after 1]
    ");
    world.settle(&on());
    assert_eq!(ui(&mut world).certificates.len(), 2);
    insta::assert_snapshot!(plan(&system::empty(), &world.seen), @"
    1  remove browser certificate distctl-ui-shop (222222222222): not declared any more
    2  remove browser certificate distctl-ui-shop (e15ee15ee15e): not declared any more  [after 1]
    3  turn off Incus's HTTPS listener at 127.0.0.1:8443: not declared any more  [after 2]
    ");
}

#[test]
fn a_run_that_comes_in_by_it_does_not_cut_itself_off() {
    let mut world = settled(&on());
    ui(&mut world).is_way_in = true;
    insta::assert_snapshot!(plan(&system::empty(), &world.seen), @"
       1  remove browser certificate distctl-ui-shop (000000000000): not declared any more
    degraded: incus_ui: Incus's listener at 127.0.0.1:8443 can't be turned off by a run that comes in through it (run distctl on the server itself, without `--remote`)
    ");
    insta::assert_snapshot!(plan(&with_ui("127.0.0.1:9443"), &world.seen), @"degraded: incus_ui: Incus's listener at 127.0.0.1:8443 can't be turned off by a run that comes in through it (run distctl on the server itself, without `--remote`)");
    let without = removal(&on(), &world.seen, &[]).unwrap();
    assert_eq!((without.steps.len(), without.findings.len()), (2, 1));
}

#[test]
fn destroy_undoes_it_and_a_part_leaves_it() {
    let desired = Desired { incus_ui: on().incus_ui, ..system::shop() };
    let world = settled(&desired);
    insta::assert_snapshot!(removal(&desired, &world.seen, &[]).unwrap(), @"
    1  stop container db1
    2  delete container db1 and its data  [after 1]
    3  stop container db3
    4  delete container db3 and its data  [after 3]
    5  delete network shopbr0  [after 2, 4]
    6  remove browser certificate distctl-ui-shop (000000000000)
    7  turn off Incus's HTTPS listener at 127.0.0.1:8443  [after 6]
    ");
    assert_eq!(removal(&desired, &world.seen, &["db1".into()]).unwrap().steps.len(), 2);
    let scope = system::shop().scope(&["db1".into()]).unwrap();
    let part = diff(&system::shop(), &world.seen, &Options { scope, ..Options::default() });
    assert!(part.is_clean(), "{part}");
    let others = removal(&on(), &others("127.0.0.1:8443").seen, &[]).unwrap();
    insta::assert_snapshot!(others, @"   1  delete network shopbr0");
}

#[test]
fn who_may_not_look_is_told_so() {
    let mut world = settled(&system::empty());
    world.seen.incus_ui = Part::Unreachable("not authorized".into());
    insta::assert_snapshot!(plan(&on(), &world.seen), @"degraded: incus_ui: can't be looked at: not authorized (run this as somebody who may administer Incus, or take `incus_ui` out of the topology)");
}

#[test]
fn a_run_that_is_killed_after_any_step_is_finished_by_the_next() {
    let ways = [(system::empty(), on()), (on(), with_ui("127.0.0.1:9443")), (on(), system::empty())];
    for (before, after) in ways {
        let start = settled(&before);
        let steps = plan(&after, &start.seen).steps.len();
        for done in 0..=steps {
            let mut world = start.clone();
            world.carry_out_first(done, &plan(&after, &start.seen), &after);
            world.settle(&after);
            let left = ui(&mut world);
            let wanted = after.incus_ui.map(|ui| ui.listen.to_string());
            assert_eq!((&left.address, &left.noted), (&wanted, &wanted));
            assert_eq!(left.certificates.len(), usize::from(wanted.is_some()));
        }
    }
}
