//! From bare mongods to a set with users.

use std::time::{Duration, Instant};

use protocol::{Access, InitiateRequest, MongodAbsence, Request, SetConfig};

use crate::call::done;
use crate::fixture::{Auth, Bench, PATIENCE};

#[test]
fn a_set_with_authentication_comes_to_life() {
    let bench = Bench::with_members(Auth::Keyfile, 3);
    let bare = bench.look(0, "agent").unwrap();
    assert_eq!((bare.access, bare.set_name, bare.config), (Access::NoUsers, None, None));
    assert_eq!(bare.version.split('.').count(), 3);

    let start = Instant::now();
    bench.initiate();
    assert!(start.elapsed() < Duration::from_secs(8), "no election timeout (10 s) may be waited for");
    let young = bench.look(0, "agent").unwrap();
    assert_eq!((young.access, young.writable), (Access::NoUsers, true));
    assert_eq!(young.members.len(), 3);

    bench.ensure_users();
    bench.await_healthy();
    assert!(start.elapsed() < Duration::from_secs(30));
    let seen = bench.look(0, "agent").unwrap();
    assert_eq!(seen.access, Access::Granted);
    let config = seen.config.unwrap();
    assert_eq!(config.members, bench.config().members);
    assert_eq!(config.settings.heartbeat_timeout_secs, 9);
    let users = seen.users.unwrap();
    assert_eq!(users.keys().collect::<Vec<_>>(), ["admin.admin", "admin.agent", "admin.shop"]);
    assert_eq!(users["admin.shop"][0].role, "readWrite");
    for number in [1, 2] {
        assert!(bench.look(number, "agent").unwrap().secondary);
    }
}

#[test]
fn what_is_done_is_not_done_again() {
    let bench = Bench::healthy(Auth::Keyfile);
    let before = bench.look(0, "agent").unwrap().config.unwrap();
    bench.initiate();
    assert_eq!(bench.look(0, "agent").unwrap().config.unwrap(), before);
    assert!(bench.ensure_users().is_empty(), "users that are right are left alone");
}

#[test]
fn an_initiation_that_was_cut_off_is_taken_up() {
    let bench = Bench::with_members(Auth::Keyfile, 3);
    let whole = bench.config();
    let alone = SetConfig { members: whole.members[..1].to_vec(), ..whole };
    let port = bench.members[0].port;
    done(Request::InitiateReplicaSet(InitiateRequest { port, config: alone, admin: None, timeout_ms: PATIENCE }));
    bench.initiate();
    assert_eq!(bench.look(0, "agent").unwrap().members.len(), 3);
}

#[test]
fn users_are_brought_back_to_what_they_should_be() {
    let bench = Bench::healthy(Auth::Keyfile);
    std::fs::write(bench.at("shop.password"), "another").unwrap();
    let mut request = bench.users();
    request.users[1].roles[0].role = "clusterMonitor".into();
    // Through a member that is not primary: it finds the one that is.
    request.port = bench.members[1].port;
    let progress = done(Request::EnsureUsers(request));
    assert_eq!(progress, ["correcting the user agent", "correcting the user shop"]);
    assert_eq!(bench.look(0, "shop").unwrap().access, Access::Granted);
    let users = bench.look(0, "admin").unwrap().users.unwrap();
    assert_eq!(users["admin.agent"][0].role, "clusterMonitor");
}

#[test]
fn a_set_without_authentication() {
    let bench = Bench::healthy(Auth::None);
    let seen = bench.look(0, "nobody").unwrap();
    assert_eq!(seen.access, Access::Granted);
    assert_eq!(seen.config.unwrap().members, bench.config().members);
    assert!(seen.members.iter().all(|member| member.healthy));
    assert_eq!(seen.users.unwrap().len(), 0);
}

#[test]
fn nothing_listens() {
    let mut bench = Bench::with_members(Auth::None, 1);
    bench.members[0].kill();
    let start = Instant::now();
    assert_eq!(bench.look(0, "nobody"), Err(MongodAbsence::NotListening));
    assert!(start.elapsed() < Duration::from_secs(1));
}
