//! Things that break on the way, and runs afterwards that mend them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use protocol::{FileContent, Request};

use crate::fake::{Outcome, Proxy, Shared};
use crate::system::{SHOP, System, wait_until};

/// Does something before the first request that fits, in whichever guest.
fn once(system: &System, fits: fn(&Request) -> bool, act: impl Fn(&Shared, &str, &Request) + Send + Sync + 'static) {
    let count = AtomicUsize::new(0);
    system.agents.before(move |shared, instance, request| {
        if fits(request) && count.fetch_add(1, Ordering::SeqCst) == 0 {
            act(shared, instance, request);
        }
        None
    });
}

#[test]
fn images_that_nobody_has_are_all_named() {
    let system = System::new(&SHOP.replace("image: debian/12", "image: [debian/99, mine/base]"));
    let ran = system.up();
    ran.ended(1, &["could not create container", "alias debian/99", "alias mine/base", "incus image list"]);
    assert_eq!(system.containers(), []);
    assert_eq!(system.lease(), None);
    system.write(&SHOP.replace("image: debian/12", "image: [debian/99, debian/12]"));
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
}

#[test]
fn a_container_that_can_not_be_made_leaves_the_others() {
    let system = System::new(SHOP);
    system.fake.next_operation(Outcome::Fails(500, "Failed creating instance: no space left on device".into()));
    let ran = system.up();
    ran.ended(1, &["could not create container", "no space left on device", "steps were not done"]);
    assert_eq!(system.containers().len(), 3);
    assert_eq!(system.lease(), None);
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
}

#[test]
fn answers_that_are_cut_are_asked_for_again() {
    let system = System::new(SHOP);
    system.fake.close_mid_response("GET", "/1.0/instances", 2);
    system.fake.close_mid_response("GET", "/1.0/network-allocations", 2);
    system.run(&["plan", "--exit-code"]).ended(2, &[]);
}

#[test]
fn a_write_whose_answer_is_cut_is_named_and_the_next_run_goes_on() {
    let system = System::new(SHOP);
    system.fake.close_mid_response("POST", "/1.0/networks", 1);
    let ran = system.up();
    ran.ended(1, &["could not create network shop0", "POST /1.0/networks", "the connection to Incus broke"]);
    ran.ended(1, &["steps were not done", "run the same command again"]);
    assert!(system.fake.world().networks.contains_key("shop0"), "it took effect");
    assert_eq!((system.containers().len(), system.lease()), (0, None));
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
}

#[test]
fn an_agent_that_is_cut_off_is_named_and_the_next_run_goes_on() {
    let system = System::new(SHOP);
    system.agents.cut_next("db1", "write");
    let ran = system.up();
    ran.ended(1, &["could not write", "db1", "the connection to Incus broke", "/exec", "run the same command again"]);
    assert_eq!((system.containers().len(), system.lease()), (4, None));
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
}

#[test]
fn a_push_that_is_cut_is_found_by_its_hash() {
    let system = System::new(SHOP);
    let pushed = |request: &Request| matches!(request, Request::Write(asked) if staged(asked).is_some());
    once(&system, pushed, |shared, instance, request| {
        let Request::Write(asked) = request else { return };
        let mut world = shared.world();
        let file = world.instances.get_mut(instance).unwrap().files.get_mut(staged(asked).unwrap()).unwrap();
        file.content.truncate(4);
    });
    let ran = system.up();
    ran.ended(1, &["could not write", "/var/lib/distctl/staging/", "has the SHA-256", "was cut short"]);
    assert_eq!(system.lease(), None);
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
    let world = system.fake.world();
    for name in ["db1", "db2", "db3"] {
        assert_eq!(world.instances[name].files["/usr/local/bin/mongod"].content, b"a small mongod");
    }
}

#[test]
fn a_proxy_that_cuts_a_push_is_named_and_the_next_run_goes_on() {
    let system = System::new(SHOP);
    let mongod = "a mongod of some size ".repeat(100_000);
    std::fs::write(system.folder.path().join("mongod"), &mongod).unwrap();
    let proxy = Proxy::before(&system.fake.socket(), 1_000_000);
    let up = system.command(&["up", "--yes"]).env("INCUS_SOCKET", proxy.socket()).spawn().unwrap();
    let ran = system.end(up);
    assert!(proxy.has_cut());
    ran.ended(1, &["could not push mongod", "the connection to Incus broke", "run the same command again"]);
    assert_eq!(system.lease(), None);
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
    let world = system.fake.world();
    for name in ["db1", "db2", "db3"] {
        assert!(
            world.instances[name].files["/usr/local/bin/mongod"].content == mongod.as_bytes(),
            "{name} has all of it"
        );
    }
}

fn staged(asked: &protocol::WriteRequest) -> Option<&str> {
    asked.files.iter().find_map(|file| match &file.content {
        FileContent::Staged { path, .. } => Some(path.as_str()),
        FileContent::Inline(_) | FileContent::Filled(_) => None,
    })
}

#[test]
fn an_agent_of_which_only_a_part_was_pushed_is_replaced() {
    let system = System::settled(SHOP);
    let installed = {
        let mut world = system.fake.world();
        let files = &mut world.instances.get_mut("web").unwrap().files;
        let (path, file) =
            files.iter_mut().find(|(path, _)| path.starts_with("/usr/local/lib/distctl/agent-")).unwrap();
        file.content.truncate(4);
        path.clone()
    };
    let ran = system.run(&["plan", "--exit-code"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    system.up().ended(0, &["shop is up"]);
    assert_eq!(system.fake.world().instances["web"].files[&installed].content, b"a small agent");
    system.assert_settled();
}

#[test]
fn a_failure_inside_a_guest_shows_its_log_and_its_hint() {
    let system = System::new(SHOP);
    system.agents.before(|_, instance, request| {
        let fails = instance == "db3" && matches!(request, Request::WaitMongod(_));
        let failure = protocol::Failure::new("mongod-27017.service", "ended with exit code 14");
        fails.then(|| failure.with_log(vec!["Permission denied".into()]).with_hint("see its log"))
    });
    let ran = system.up();
    ran.ended(1, &["db3", "mongod-27017.service: ended with exit code 14", "Permission denied", "Hint: see its log"]);
    assert_eq!(system.lease(), None);
    system.agents.before(|_, _, _| None);
    system.up().ended(0, &["shop is up"]);
    system.assert_settled();
}

#[test]
fn a_daemon_that_restarts_under_a_run_loses_nothing() {
    let system = System::new(SHOP);
    let (reached, gate) = system.agents.gate("db1", |request| matches!(request, Request::Write(_)));
    let child = system.begin(&["up", "--yes"]);
    reached.recv_timeout(Duration::from_secs(60)).unwrap();
    system.fake.stop();
    system.fake.listen();
    drop(gate);
    let ran = system.end(child);
    // What the daemon had begun for distctl is gone with it: that step is named, or was not needed.
    if ran.code != Some(0) {
        ran.ended(1, &["could not ", "Caused by: ", "run the same command again"]);
    }
    wait_until("the lease is given back", || system.lease().is_none());
    system.up().ended(0, &["shop"]);
    system.assert_settled();
}
