//! Passwords that somebody changed in the database by hand.

use mongodb::bson::doc;
use protocol::{Access, LoginSeen};

use crate::fixture::{Auth, Bench};

fn change(bench: &Bench, user: &str) {
    let primary = bench.primary().unwrap_or(0);
    bench.ask(primary, doc! { "updateUser": user, "pwd": "changed by hand" });
}

#[test]
fn each_password_is_tried_and_what_was_changed_is_set_again() {
    let bench = Bench::healthy(Auth::Keyfile);
    let seen = bench.look(0, "agent").unwrap();
    let taken = [("admin".to_owned(), LoginSeen::Taken), ("shop".to_owned(), LoginSeen::Taken)];
    assert_eq!(seen.logins, taken.into());
    assert!(bench.look(1, "agent").unwrap().logins.is_empty(), "one member of a set is asked, that which takes writes");

    change(&bench, "shop");
    let seen = bench.look(0, "agent").unwrap();
    assert!(
        matches!(&seen.logins["shop"], LoginSeen::Refused(why) if why.contains("Authentication failed")),
        "{seen:?}"
    );
    assert_eq!((&seen.logins["admin"], &seen.access), (&LoginSeen::Taken, &Access::Granted));
    assert_eq!(bench.ensure_users(), ["correcting the user shop"]);
    assert_eq!(bench.look(0, "agent").unwrap().logins["shop"], LoginSeen::Taken);
}

#[test]
fn the_agents_own_password_is_set_again_and_the_administrators_is_told() {
    let mut bench = Bench::empty(Auth::Keyfile);
    bench.start(&[], "keyfile");
    bench.await_members();
    let mut request = bench.users();
    request.set = None;
    let ensure =
        |request: &protocol::EnsureUsersRequest| crate::call::call(protocol::Request::EnsureUsers(request.clone()));
    ensure(&request).outcome.unwrap();

    change(&bench, "agent");
    let seen = bench.look(0, "agent").unwrap();
    assert!(matches!(seen.access, Access::Refused(_)), "{seen:?}");
    assert_eq!(seen.logins["admin"], LoginSeen::Taken);
    assert_eq!(ensure(&request).progress, ["correcting the user agent"]);
    assert_eq!(bench.look(0, "agent").unwrap().access, Access::Granted);

    std::fs::remove_file(bench.at("shop.password")).unwrap();
    change(&bench, "admin");
    let seen = bench.look(0, "agent").unwrap();
    assert_eq!(seen.access, Access::Granted);
    assert!(matches!(seen.logins["admin"], LoginSeen::Refused(_)), "{seen:?}");
    assert!(matches!(&seen.logins["shop"], LoginSeen::Unknown(why) if why.contains("shop.password")), "{seen:?}");
}
