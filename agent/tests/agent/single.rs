//! A mongod that is in no set.

use protocol::{Access, Request};

use crate::call::done;
use crate::fixture::{Auth, Bench};

#[test]
fn a_standalone_gets_its_users() {
    // `--keyFile` turns authentication on for a standalone too.
    let mut bench = Bench::empty(Auth::Keyfile);
    bench.start(&[], "keyfile");
    bench.await_members();
    assert_eq!(bench.look(0, "agent").unwrap().access, Access::NoUsers);
    let mut request = bench.users();
    request.set = None;
    done(Request::EnsureUsers(request));
    let seen = bench.look(0, "agent").unwrap();
    assert_eq!((seen.access, seen.writable, seen.set_name, seen.config), (Access::Granted, true, None, None));
    assert_eq!(seen.users.unwrap().len(), 3);
    std::fs::write(bench.at("agent.password"), "wrong").unwrap();
    assert!(matches!(bench.look(0, "agent").unwrap().access, Access::Refused(_)));
    std::fs::remove_file(bench.at("agent.password")).unwrap();
    assert!(matches!(bench.look(0, "agent").unwrap().access, Access::Refused(why) if why.contains("agent.password")));
}
