//! Who asks for passwords, and users that are made before anybody does.

use protocol::{Access, Request, Security};

use crate::call::done;
use crate::fixture::{Auth, Bench};

#[test]
fn users_are_made_before_a_mongod_asks_for_passwords() {
    let mut bench = Bench::empty(Auth::None);
    bench.start(&[], "keyfile");
    bench.auth = Auth::Keyfile;
    bench.await_members();
    let seen = bench.look(0, "agent").unwrap();
    assert_eq!((seen.security, seen.access, seen.knows_us), (Some(Security::Open), Access::Granted, false));
    let ensure = || {
        let mut request = bench.users();
        request.set = None;
        done(Request::EnsureUsers(request));
        assert!(["admin", "agent", "shop"].iter().all(|user| bench.look(0, user).unwrap().knows_us));
    };
    ensure();
    // Passwords that were lost and made anew.
    for name in ["admin", "agent", "shop"] {
        std::fs::write(bench.at(&format!("{name}.password")), format!("{name}-has-another\n")).unwrap();
    }
    assert!(!bench.look(0, "agent").unwrap().knows_us);
    ensure();
}

#[test]
fn whether_a_mongod_asks_for_passwords_shows_before_it_has_users() {
    let mut bench = Bench::empty(Auth::Keyfile);
    bench.start(&[], "keyfile");
    bench.start(&["--transitionToAuth"], "keyfile");
    bench.await_members();
    let seen = |number| {
        let seen = bench.look(number, "agent").unwrap();
        (seen.security, seen.access, seen.knows_us)
    };
    assert_eq!(seen(0), (Some(Security::Enforced), Access::NoUsers, false));
    assert_eq!(seen(1), (Some(Security::Transition), Access::Granted, false));
}
