//! From no passwords to passwords and back, in a set that a client writes to.

use std::time::Duration;

use crate::harness::{Mongo, System, wait_until};

const NOBODY_ASKS: &str = "binary: mongod\n  auth: none\n";
const ALL_ASK: &str = "binary: mongod\n";

/// One client writes all the time: without a password, then with one, and with that when nobody asks any more.
#[test]
fn a_set_begins_and_ceases_to_ask_for_passwords_while_a_client_writes() {
    let system = System::set_of_three("auth", 28);
    system.edit(ALL_ASK, NOBODY_ASKS);
    system.up();
    let hosts: Vec<String> = (27017..27020).map(|port| system.host(11, port)).collect();
    let anybody = Mongo::set("rs", &hosts);
    let asks = || anybody.eval("refused(lambda: client.story.writes.find_one())");
    assert_eq!(asks(), false);
    let password = system.folder().join("password");
    let writer = anybody.writer_until_asked("admin", &password);

    system.edit(NOBODY_ASKS, ALL_ASK);
    system.plan(2).says(&["and is to ask for passwords"]);
    let up = system.start(&["up"]);
    let secret = || system.guest("db", "cat /var/lib/distctl/secrets/rs.admin 2> /dev/null || true");
    wait_until("there is a password", Duration::from_secs(30), || !secret().is_empty());
    std::fs::write(&password, secret().trim()).unwrap();
    up.end().ended_with(0);
    system.plan(0);
    assert_eq!(asks(), true);

    system.edit(ALL_ASK, NOBODY_ASKS);
    system.plan(2).says(&["and is to ask nobody"]);
    system.up();
    system.plan(0);
    assert_eq!(asks(), false);
    let gap = writer.stop();
    eprintln!("measured: passwords for all and for nobody again, longest write gap {gap:.2} s");
    assert!(gap < 10.0, "{gap} s");
    let states = anybody.members();
    assert_eq!(states[system.host(11, 27017)], "PRIMARY", "the favourite leads again when it is over: {states}");
}
