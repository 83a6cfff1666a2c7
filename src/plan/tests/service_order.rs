//! Which service comes first, and what a run that is killed leaves.

use proptest::prelude::*;

use super::model::World;
use super::{plan, settled, system};
use crate::desired::Desired;
use crate::observed::Part;

#[test]
fn services_come_behind_those_that_they_depend_on() {
    let desired = system::platform();
    let mut world = World::empty();
    let born = plan(&desired, &world.seen);
    let services = ["auth", "web"];
    let told: Vec<String> = born
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| services.contains(&step.action.lane()))
        .map(|(index, step)| {
            let before: Vec<String> = step.after.iter().map(|before| born.steps[*before].action.to_string()).collect();
            format!("{}  {}\n    behind: {}", index + 1, step.action, before.join("; "))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    33  deploy auth in app
        behind: ensure users of users: admin, distctl-agent; push auth (4 MiB) to app
    34  run `auth create-user admin` in app
        behind: deploy auth in app
    36  deploy web in web1
        behind: wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy; run `auth create-user admin` in app; push web (4 MiB) to web1
    38  deploy web in web2
        behind: deploy web in web1; push web (4 MiB) to web2
    ");
    world.carry_out(&born, &desired);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_change_rolls_through_the_containers_of_a_service() {
    let mut desired = system::platform();
    let mut world = settled(&desired);
    let releases = [("app", "auth"), ("web1", "web"), ("web2", "web")];
    for (host, service) in releases {
        let release = system::release(&mut desired, host, service);
        release.revision = "r2".into();
        let binary = release.files.get_mut(&format!("/usr/local/bin/{service}")).unwrap();
        binary.content = system::artifact(service, 2);
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  push auth (4 MiB) to app: /usr/local/bin/auth is missing or differs
    2  deploy auth in app: differs  [after 1]
         /usr/local/bin/auth: sha256 d3790e401fa5 -> sha256 bca98df5dc82 (restart)
    3  push web (4 MiB) to web1: /usr/local/bin/web is missing or differs
    4  deploy web in web1: differs  [after 2, 3]
         /usr/local/bin/web: sha256 5bcf3c836b17 -> sha256 88f3e977ffb6 (restart)
    5  push web (4 MiB) to web2: /usr/local/bin/web is missing or differs
    6  deploy web in web2: differs  [after 4, 5]
         /usr/local/bin/web: sha256 5bcf3c836b17 -> sha256 88f3e977ffb6 (restart)
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_service_waits_for_users_that_its_set_is_still_given() {
    let desired = system::platform();
    let mut world = settled(&desired);
    let mut wider = desired.clone();
    let users = &mut wider.replica_sets.get_mut("rsA").unwrap().access.as_mut().unwrap().users;
    users[1].roles.push(protocol::Role { role: "readWrite".into(), db: "web".into() });
    for host in ["web1", "web2"] {
        system::release(&mut wider, host, "web").revision = "r2".into();
    }
    insta::assert_snapshot!(plan(&wider, &world.seen), @"
       1  ensure users of rsA: admin, distctl-agent: differs
            user distctl-agent: distctlAgent@admin -> distctlAgent@admin readWrite@web (live)
       2  deploy web in web1: runs an older release  [after 1]
       3  deploy web in web2: runs an older release  [after 2]
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&wider);
}

/// A new version of every service.
fn renewed(mut desired: Desired) -> Desired {
    let places: Vec<(String, String)> = desired
        .containers
        .iter()
        .flat_map(|(host, container)| container.releases.keys().map(move |service| (host.clone(), service.clone())))
        .collect();
    for (host, service) in places {
        let release = system::release(&mut desired, &host, &service);
        release.revision = "r2".into();
        release.files.get_mut(&format!("/usr/local/bin/{service}")).unwrap().content = system::artifact(&service, 2);
    }
    desired
}

/// One of the things that people do by hand to a platform.
fn spoil(world: &mut World, drift: usize) {
    let hosts = ["app", "web1", "web2", "db3"];
    let host = hosts[drift % hosts.len()];
    let Some(Part::Present(container)) = world.seen.containers.get_mut(host) else { return };
    if drift / hosts.len() == 0 {
        world.seen.containers.remove(host);
        return;
    }
    let Part::Present(guest) = &mut container.guest else { return };
    match drift / hosts.len() {
        1 => world.stop(host),
        2 => _ = guest.paths.remove("/var/lib/distctl/secrets/jwt"),
        3 => guest.units.values_mut().for_each(|unit| unit.active = "failed".into()),
        4 => guest.deployed.clear(),
        5 => guest.services.values_mut().for_each(|said| *said = protocol::Health::Silent("refused".into())),
        _ => guest.paths.retain(|path, _| !path.starts_with("/usr/local/bin/")),
    }
}

proptest! {
    /// A first run that is killed after any step is finished by the next one.
    #[test]
    fn a_birth_killed_at_any_step_is_finished_by_the_next(steps in 0_usize..70) {
        let desired = system::platform();
        let mut world = World::empty();
        world.carry_out_first(steps, &plan(&desired, &world.seen), &desired);
        world.settle(&desired);
        prop_assert!(plan(&desired, &world.seen).is_clean());
    }

    /// A change of a system that people have worked on is finished, even where the first run is killed after any step.
    #[test]
    fn a_change_killed_at_any_step_is_finished_by_the_next(
        drifts in proptest::collection::vec(0_usize..28, 0..4),
        steps in 0_usize..40,
    ) {
        let before = system::platform();
        let mut world = settled(&before);
        drifts.into_iter().for_each(|drift| spoil(&mut world, drift));
        // What was run once can't be forgotten in a guest that is stopped while its database is lost.
        let stopped = matches!(&world.seen.containers.get("app"), Some(Part::Present(app)) if app.guest == Part::Absent);
        prop_assume!(!stopped || world.seen.containers.contains_key("db3"));
        let desired = renewed(before);
        world.refresh(&desired);
        world.carry_out_first(steps, &plan(&desired, &world.seen), &desired);
        world.settle(&desired);
        prop_assert!(plan(&desired, &world.seen).is_clean());
    }
}
