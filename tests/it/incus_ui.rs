//! Incus's own web interface from the command line: on, off, somebody else's, and what a person is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::system::{Ran, System};

const PLAIN: &str = "\
name: shop
network: { name: shop0, ipv4: 10.9.0.1/24 }
image: debian/12
containers: { web: { ipv4: 10.9.0.10 } }
";

const MARKER: &str = "user.distctl.ui.default.shop";

const ADDRESS: &str = "core.https_address";

fn with_ui() -> String {
    format!("{PLAIN}incus_ui: {{ listen: \"127.0.0.1:8443\" }}\n")
}

fn file(system: &System, ending: &str) -> PathBuf {
    system.folder.path().join(format!("distctl/ui/shop.{ending}"))
}

fn setting(system: &System, key: &str) -> Option<String> {
    system.fake.world().settings.get(key).cloned()
}

fn set(system: &System, key: &str, value: &str) {
    system.fake.world().settings.insert(key.to_owned(), value.to_owned());
}

/// Names and fingerprints of what is trusted.
fn trusted(system: &System) -> Vec<(String, String)> {
    let world = system.fake.world();
    let all = world.certificates.iter();
    all.map(|(fingerprint, one)| (one["name"].as_str().unwrap().to_owned(), fingerprint.clone())).collect()
}

/// That the run says where the certificate is, and nobody its password.
fn tells_how(ran: &Ran, system: &System) {
    let (sealed, password) = (file(system, "p12"), file(system, "password"));
    let told =
        ["https://127.0.0.1:8443/ui/", sealed.to_str().unwrap(), password.to_str().unwrap(), "Firefox", "Chromium"];
    ran.ended(0, &told);
    let secret = fs::read_to_string(&password).unwrap();
    assert!(secret.trim().len() >= 20 && !ran.stderr.contains(secret.trim()) && !ran.stdout.contains(secret.trim()));
    for private in [&sealed, &password] {
        assert_eq!(fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o600, "{}", private.display());
    }
}

#[test]
fn it_is_turned_on_with_a_certificate_and_off_without_a_trace() {
    let system = System::settled(PLAIN);
    system.write(&with_ui());
    let up = system.up();
    tells_how(&up, &system);
    up.ended(0, &["turn on Incus's HTTPS listener at 127.0.0.1:8443", "not installed", "incus-ui-canonical", "AB:CD"]);
    assert_eq!(setting(&system, ADDRESS).as_deref(), Some("127.0.0.1:8443"));
    assert_eq!(setting(&system, MARKER).as_deref(), Some("127.0.0.1:8443"));
    let [(name, fingerprint)] = &trusted(&system)[..] else { panic!("{:?}", trusted(&system)) };
    assert_eq!(name, "distctl-ui-shop");
    system.assert_settled();
    let again = system.up();
    assert!(!again.ended(0, &["nothing to do"]).stderr.contains("Firefox"), "{again:?}");
    let status = system.run(&["status", "--output", "json"]).json();
    let expected = serde_json::json!({"url": "https://127.0.0.1:8443/ui/", "listens_at": "127.0.0.1:8443",
        "installed": false, "browser_trusted": true});
    assert_eq!((&status["incus_ui"], &status["healthy"]), (&expected, &true.into()));
    let open = system.run(&["open", "incus_ui", "--output", "json"]).json();
    assert_eq!(open[0]["url"], "https://127.0.0.1:8443/ui/");

    system.write(PLAIN);
    let off = system.up();
    off.ended(0, &["turn off Incus's HTTPS listener", &fingerprint[..12]]);
    assert_eq!((setting(&system, ADDRESS), setting(&system, MARKER), trusted(&system)), (None, None, vec![]));
    assert!(!file(&system, "p12").exists() && !file(&system, "password").exists());
    system.assert_settled();
}

#[test]
fn what_others_turned_on_is_used_and_stays() {
    let system = System::settled(PLAIN);
    system.fake.world().has_ui = true;
    set(&system, ADDRESS, "[::]:8443");
    system.write(&with_ui());
    let up = system.up();
    tells_how(&up, &system);
    assert!(!up.stderr.contains("not installed"), "{up:?}");
    assert_eq!(setting(&system, MARKER).as_deref(), Some("shared"));
    system.assert_settled();
    let destroyed = system.run(&["destroy", "--yes"]);
    destroyed.ended(0, &["the browser's certificate", "leave Incus's HTTPS listener to others"]);
    assert_eq!((setting(&system, ADDRESS).as_deref(), setting(&system, MARKER)), (Some("[::]:8443"), None));
    assert_eq!(trusted(&system), []);
}

#[test]
fn another_address_is_refused_and_nothing_is_changed() {
    let system = System::settled(PLAIN);
    set(&system, ADDRESS, "10.0.0.1:8443");
    system.write(&with_ui());
    system.fake.forbid_writes();
    system.up().ended(1, &["Incus listens at 10.0.0.1:8443", "incus config unset core.https_address"]);
    assert_eq!(trusted(&system), []);
}

#[test]
fn a_lost_file_is_replaced_and_the_certificate_of_another_stays() {
    let system = System::settled(&with_ui());
    let before = trusted(&system);
    let other = serde_json::json!({"name": "distctl-ui-shop", "description": "eva@desk", "fingerprint": "e1"});
    system.fake.world().certificates.insert("e1".into(), other);
    system.assert_settled();
    fs::remove_file(file(&system, "password")).unwrap();
    tells_how(&system.up(), &system);
    let after = trusted(&system);
    assert_eq!(after.len(), 2);
    assert!(!after.contains(&before[0]) && after.iter().any(|(_, fingerprint)| fingerprint == "e1"), "{after:?}");
    system.assert_settled();
}

#[test]
fn what_was_broken_off_anywhere_is_finished_by_the_next_run() {
    let busy = "Cannot listen on network HTTPS socket \"127.0.0.1:8443\": bind: address already in use";
    let system = System::settled(PLAIN);
    system.write(&with_ui());
    system.fake.fail_next("PATCH", "/1.0", 500, busy);
    system.up().ended(
        1,
        &["could not turn on Incus's HTTPS listener", "address already in use", "choose an address and port"],
    );
    // The daemon keeps the note then, and not the address.
    set(&system, MARKER, "127.0.0.1:8443");
    system.fake.fail_next("POST", "/1.0/certificates", 500, "disk full");
    system.up().ended(1, &["could not trust browser certificate", "disk full"]);
    assert_eq!(setting(&system, ADDRESS).as_deref(), Some("127.0.0.1:8443"));
    let made = fs::read(file(&system, "p12")).unwrap();
    // The certificate takes effect, and the answer is lost.
    system.fake.close_mid_response("POST", "/1.0/certificates", 1);
    system.up().ended(1, &["could not trust browser certificate"]);
    system.up().ended(0, &[]);
    assert_eq!(fs::read(file(&system, "p12")).unwrap(), made, "what is made is used");
    system.assert_settled();

    system.write(PLAIN);
    system.fake.close_mid_response("PATCH", "/1.0", 1);
    system.up().ended(1, &["could not turn off Incus's HTTPS listener"]);
    system.up().ended(0, &[]);
    assert_eq!((setting(&system, ADDRESS), setting(&system, MARKER), trusted(&system)), (None, None, vec![]));
    system.assert_settled();
}

#[test]
fn settings_that_change_meanwhile_are_looked_at_again() {
    let system = System::settled(PLAIN);
    system.write(&with_ui());
    system.fake.fail_next("PATCH", "/1.0", 412, "ETag doesn't match: a vs b");
    system.up().ended(0, &["is up and verified"]);
    assert_eq!(system.fake.count("PATCH", "/1.0"), 2);
}
