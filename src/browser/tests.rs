//! Certificates as they lie on the disk.

use std::process::{Command, Stdio};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_made_is_found_again_and_is_for_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let place = Place::below(&home.path().join("ui"), "shop");
    assert_eq!(place.load(), None);
    let made = place.make("ana@laptop").unwrap();
    assert_eq!(place.load(), Some(made.clone()));
    assert_eq!(
        (mode(&home.path().join("ui")), mode(&place.file()), mode(&place.password_file())),
        (0o700, 0o600, 0o600)
    );
    let again = place.make("ana@laptop").unwrap();
    assert_ne!(again.fingerprint, made.fingerprint);
    assert_eq!(place.load(), Some(again));
    place.remove().unwrap();
    place.remove().unwrap();
    assert_eq!(fs::read_dir(home.path().join("ui")).unwrap().count(), 0);
}

#[test]
fn a_file_without_its_password_counts_as_lost() {
    let home = tempfile::tempdir().unwrap();
    let place = Place::below(home.path(), "shop");
    place.make("ana@laptop").unwrap();
    fs::write(place.password_file(), "another").unwrap();
    assert_eq!(place.load(), None);
    fs::write(place.file(), "rubbish").unwrap();
    assert_eq!(place.load(), None);
}

#[test]
fn another_program_reads_it_with_the_password_only() {
    let home = tempfile::tempdir().unwrap();
    let place = Place::below(home.path(), "shop");
    let made = place.make("ana@laptop").unwrap();
    let openssl = |password: &str| {
        let mut command = Command::new("openssl");
        command.args(["pkcs12", "-nodes", "-info", "-passin", password, "-in"]).arg(place.file());
        command.stdin(Stdio::null()).output().unwrap()
    };
    let right = openssl(&format!("file:{}", place.password_file().display()));
    let shown = format!("{}{}", String::from_utf8_lossy(&right.stdout), String::from_utf8_lossy(&right.stderr));
    assert!(right.status.success(), "{shown}");
    for part in ["PBES2", "AES-256-CBC", "PRIVATE KEY", "CN = distctl shop (ana@laptop)", "BEGIN CERTIFICATE"] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(!openssl("pass:another").status.success());
    let pem = shown.split("-----BEGIN CERTIFICATE-----").nth(1).unwrap().split("-----END").next().unwrap();
    use base64::Engine as _;
    let der = base64::engine::general_purpose::STANDARD.decode(pem.replace('\n', "")).unwrap();
    assert_eq!(der, made.der);
}
