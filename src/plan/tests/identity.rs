//! Containers that get another name, copies that somebody makes, and what `down` and `destroy` do with both.

use super::model::World;
use super::{plan, settled, system};
use crate::desired::{CONTAINER_KEY, Desired, OWNER_KEY};
use crate::observed::{Network, Part, Status};
use crate::plan::{Options, diff, down, removal};

/// Containers have the key with their names, and start with their host.
fn shop() -> Desired {
    let mut desired = system::shop();
    for container in desired.containers.values_mut() {
        container.config.insert(CONTAINER_KEY.into(), container.name.clone());
        container.config.insert("boot.autostart".into(), "true".into());
    }
    desired
}

/// The same file with another name for a container.
fn renamed(mut desired: Desired, from: &str, to: &str) -> Desired {
    let mut container = desired.containers.remove(from).unwrap();
    container.name = to.into();
    container.config.insert(CONTAINER_KEY.into(), to.into());
    desired.containers.insert(to.into(), container);
    let members = desired.replica_sets.values_mut().flat_map(|set| &mut set.members);
    let singles = desired.standalones.values_mut().map(|single| &mut single.mongod);
    members.chain(singles).filter(|one| one.container == from).for_each(|one| one.container = to.into());
    desired
}

/// What `incus copy` makes.
fn copy(world: &mut World, of: &str, name: &str) {
    let mut copied = world.container(of).clone();
    (copied.status, copied.guest) = (Status::Stopped, Part::Absent);
    world.seen.containers.insert(name.into(), Part::Present(copied));
}

/// What `incus rename` makes.
fn rename(world: &mut World, from: &str, to: &str) {
    let moved = world.seen.containers.remove(from).unwrap();
    world.seen.containers.insert(to.into(), moved);
}

#[test]
fn a_container_that_is_called_otherwise_in_the_file_is_renamed_with_its_data() {
    let mut world = settled(&shop());
    let desired = renamed(shop(), "db3", "users-db");
    world.seen.taken.insert("10.10.10.14".parse().unwrap(), "/1.0/instances/db3".into());
    let steps = plan(&desired, &world.seen);
    insta::assert_snapshot!(steps, @"
       1  stop container db3
       2  rename container db3 to users-db: it has the address 10.10.10.14 and the data of users-db  [after 1]
       3  start container users-db  [after 2]
       4  wait until users-db is up as 10.10.10.14/24  [after 3]
    then: look again, for what only shows when these steps are done
    ");
    world.carry_out(&steps, &desired);
    world.seen.taken.clear();
    let after = plan(&desired, &world.seen);
    insta::assert_snapshot!(after, @"
    1  update container users-db: differs
         user.distctl.container: db3 -> users-db (live)
    ");
    assert!(world.guest("users-db").mongods.values().all(Result::is_ok), "its mongod answers as before");
}

#[test]
fn killed_anywhere_a_rename_is_gone_on_with() {
    let desired = renamed(shop(), "db3", "users-db");
    let steps = plan(&desired, &settled(&shop()).seen).steps.len();
    for done in 0..=steps {
        let mut world = settled(&shop());
        let first = plan(&desired, &world.seen);
        world.carry_out_first(done, &first, &desired);
        world.settle(&desired);
        assert!(!world.seen.containers.contains_key("db3"), "after {done} steps");
    }
}

#[test]
fn members_of_a_set_are_renamed_one_after_the_other() {
    let declare = |names: [&str; 3]| {
        let mut desired = system::empty();
        for (index, name) in names.iter().enumerate() {
            desired = system::with_container(desired, name, 11 + index as u8);
            desired.containers.get_mut(*name).unwrap().config.insert(CONTAINER_KEY.into(), (*name).into());
        }
        system::with_set(desired, "rsA", &names.map(|name| (name, 27017)))
    };
    let mut world = settled(&declare(["a", "b", "c"]));
    let desired = declare(["x", "y", "c"]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  stop container a
       2  rename container a to x: it has the address 10.10.10.11 and the data of x  [after 1]
       3  start container x  [after 2]
       4  wait until x is up as 10.10.10.11/24  [after 3]
       5  wait until 10.10.10.11:27017 of rsA is healthy  [after 4]
       6  stop container b  [after 5]
       7  rename container b to y: it has the address 10.10.10.12 and the data of y  [after 6]
       8  start container y  [after 7]
       9  wait until y is up as 10.10.10.12/24  [after 8]
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
}

#[test]
fn one_that_was_renamed_by_hand_gets_its_name_back() {
    let desired = shop();
    let mut world = settled(&desired);
    rename(&mut world, "db3", "old-db3");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  stop container old-db3
       2  rename container old-db3 to db3: it was made as db3 and was renamed by hand  [after 1]
       3  start container db3  [after 2]
       4  wait until db3 is up as 10.10.10.14/24  [after 3]
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
    assert!(world.seen.containers.contains_key("db3"));
}

#[test]
fn one_that_was_renamed_by_hand_and_in_the_file_keeps_its_new_name() {
    let mut world = settled(&shop());
    let desired = renamed(shop(), "db3", "users-db");
    rename(&mut world, "db3", "users-db");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container users-db: differs
         user.distctl.container: db3 -> users-db (live)
    ");
}

#[test]
fn a_copy_is_told_and_is_in_nobodys_way() {
    let desired = shop();
    let mut world = settled(&desired);
    copy(&mut world, "db3", "db3-bak");
    world.seen.taken.insert("10.10.10.14".parse().unwrap(), "/1.0/instances/db3-bak?project=default".into());
    let told = plan(&desired, &world.seen);
    insta::assert_snapshot!(told, @"note: container db3-bak: is a copy of db3 that somebody made (distctl leaves it alone; while it has the address of db3, Incus does not start db3 anew: free it with `incus config device unset db3-bak eth0 ipv4.address`)");
    assert!(told.is_clean());
    // So is one whose original has another name by now, and the address for itself.
    let desired = renamed(shop(), "db3", "users-db");
    let mut later = world.clone();
    later.container("db3-bak").devices.clear();
    later.seen.taken.clear();
    later.settle(&desired);
    insta::assert_snapshot!(plan(&desired, &later.seen).notes[0], @"container db3-bak: is a copy of db3 that somebody made (distctl leaves it alone)");
    let desired = shop();
    // So is one of a container that was made before there was a key.
    world.container("db3").config.remove(CONTAINER_KEY);
    world.container("db3-bak").config.remove(CONTAINER_KEY);
    assert_eq!(plan(&desired, &world.seen).notes, told.notes);
}

#[test]
fn a_copy_gives_its_address_back_before_the_original_starts() {
    let desired = shop();
    let mut world = settled(&desired);
    copy(&mut world, "db3", "db3-bak");
    world.stop("db3");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  update container db3-bak: a copy with the address of db3, which could not start beside it
       2  start container db3: stopped  [after 1]
       3  wait until db3 is up as 10.10.10.14/24  [after 2]
    note: container db3-bak: is a copy of db3 that somebody made (distctl leaves it alone; while it has the address of db3, Incus does not start db3 anew: free it with `incus config device unset db3-bak eth0 ipv4.address`)
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
}

#[test]
fn neither_down_nor_destroy_touches_what_somebody_copied_or_renamed() {
    let desired = shop();
    let mut world = settled(&desired);
    copy(&mut world, "db3", "db3-bak");
    world.container("db3-bak").status = Status::Running;
    insta::assert_snapshot!(down(&desired, &world.seen), @"
       1  keep container db1 down when the host starts
       2  stop container db1  [after 1]
       3  keep container db3 down when the host starts
       4  stop container db3  [after 3]
    note: container db3-bak: was copied or renamed by hand, and is left as it is (stop or delete it yourself: `incus stop db3-bak`, `incus delete db3-bak`)
    ");
    rename(&mut world, "db1", "old-db1");
    insta::assert_snapshot!(removal(&desired, &world.seen, &[]).unwrap(), @"
       1  stop container db3
       2  delete container db3 and its data  [after 1]
       3  delete network shopbr0  [after 2]
    note: container db3-bak: was copied or renamed by hand, and stays (stop or delete it yourself: `incus stop db3-bak`, `incus delete db3-bak`)
    note: container old-db1: was copied or renamed by hand, and stays (stop or delete it yourself: `incus stop old-db1`, `incus delete old-db1`)
    ");
    let asked = removal(&desired, &world.seen, &["db3-bak".into()]).unwrap_err();
    insta::assert_snapshot!(asked, @"db3-bak was copied or renamed by hand: only you can delete it, with `incus delete db3-bak`");
}

#[test]
fn one_of_two_that_may_be_it_is_nobodys_guess() {
    let desired = shop();
    let mut world = settled(&desired);
    copy(&mut world, "db3", "db3-a");
    copy(&mut world, "db3", "db3-b");
    world.seen.containers.remove("db3");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"refused: container db3: is not there, and may be any of db3-a, db3-b: nobody can tell which has its data (name the one that has it: `incus rename NAME db3`)");
}

#[test]
fn a_copy_under_a_declared_name_is_not_taken_for_a_container() {
    let desired = shop();
    let mut world = settled(&desired);
    world.seen.containers.remove("db1");
    rename(&mut world, "db3", "db1");
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"container db1: was made as db3, which is not there: it holds the data of db3 (give it its name back: `incus rename db1 db3`)");
    copy(&mut world, "db1", "db3");
    world.container("db3").config.insert(CONTAINER_KEY.into(), "db3".into());
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"container db1: is a copy of db3, made by hand, and holds its data (give the copy a name that the topology does not declare: `incus rename db1 db1-copy`)");
}

#[test]
fn what_is_put_down_stays_down_and_up_starts_it() {
    let desired = shop();
    let mut world = settled(&desired);
    let steps = down(&desired, &world.seen);
    insta::assert_snapshot!(steps, @"
    1  keep container db1 down when the host starts
    2  stop container db1  [after 1]
    3  keep container db3 down when the host starts
    4  stop container db3  [after 3]
    ");
    for done in 0..=steps.steps.len() {
        let mut world = settled(&desired);
        world.carry_out_first(done, &steps, &desired);
        world.settle(&desired);
        assert_eq!(world.container("db1").config["boot.autostart"], "true");
    }
    world.carry_out(&steps, &desired);
    assert!(down(&desired, &world.seen).is_clean());
    let up = plan(&desired, &world.seen);
    insta::assert_snapshot!(up, @"
       1  let container db1 start with the host
       2  start container db1: stopped  [after 1]
       3  wait until db1 is up as 10.10.10.12/24  [after 2]
       4  let container db3 start with the host
       5  start container db3: stopped  [after 4]
       6  wait until db3 is up as 10.10.10.14/24  [after 5]
    then: look again, for what only shows when these steps are done
    ");
    assert!(!up.to_string().contains("differs"), "nobody has changed anything");
}

#[test]
fn one_that_somebody_stopped_is_kept_down_too() {
    let desired = shop();
    let mut world = settled(&desired);
    world.stop("db1");
    world.stop("db3");
    insta::assert_snapshot!(down(&desired, &world.seen), @"
    1  keep container db1 down when the host starts
    2  keep container db3 down when the host starts
    ");
}

#[test]
fn a_network_that_others_use_stays() {
    let desired = shop();
    let mut world = settled(&desired);
    let Part::Present(network) = &mut world.seen.network else { panic!() };
    let users = ["db1", "db3", "printer?project=office"].map(|name| format!("/1.0/instances/{name}"));
    *network = Network { users: 3, used_by: users.into(), ..network.clone() };
    assert_eq!(network.config[OWNER_KEY], "shop");
    insta::assert_snapshot!(removal(&desired, &world.seen, &[]).unwrap(), @"
       1  stop container db1
       2  delete container db1 and its data  [after 1]
       3  stop container db3
       4  delete container db3 and its data  [after 3]
    note: network shopbr0: stays: printer uses it (remove it when nobody does any more: `incus network delete shopbr0`)
    ");
}

#[test]
fn a_refusal_elsewhere_keeps_a_container_from_being_renamed() {
    let mut world = settled(&shop());
    let desired = renamed(shop(), "db3", "users-db");
    world.container("db1").config.remove(OWNER_KEY);
    let refused = diff(&desired, &world.seen, &Options::default());
    insta::assert_snapshot!(refused.refusals[0], @"container db1: exists already and is not distctl's (name another container in the topology, or take this one over with `--adopt`)");
}
