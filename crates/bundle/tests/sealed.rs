//! A bundle wrapped by age.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use age::secrecy::ExposeSecret;
use bundle::{Bundle, Error, Identity, Recipient, Result, SecretString, is_sealed, seal, unseal, verify};
use common::{noise, small_bundle, write_bundle};

fn keys() -> (Recipient, Identity) {
    let identity = age::x25519::Identity::generate();
    (Recipient::Key(identity.to_public().to_string()), Identity::Key(identity.to_string()))
}

fn sealed(content: &[u8], recipient: &Recipient) -> Vec<u8> {
    let mut out = seal(Vec::new(), recipient).unwrap();
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn open(sealed: &[u8], identity: &Identity) -> Result<()> {
    verify(unseal(Cursor::new(sealed), identity)?, |_, _| ()).map(drop)
}

#[test]
fn a_key_seals_and_opens() {
    let content = noise(1, 700_000);
    let (recipient, identity) = keys();
    let file = sealed(&write_bundle(&[("a", &content), ("b", &[0; 300_000])]), &recipient);
    assert!(is_sealed(&file) && !is_sealed(b"distctl\n\x01\0\0\0") && !is_sealed(b"age-"));
    assert!(matches!(Bundle::open(Cursor::new(&file)), Err(Error::Sealed)));
    open(&file, &identity).unwrap();
    let mut bundle = Bundle::open(unseal(Cursor::new(&file), &identity).unwrap()).unwrap();
    let mut read = Vec::new();
    bundle.read("a").unwrap().read_to_end(&mut read).unwrap();
    assert!(read == content);
    assert!(matches!(open(&file, &keys().1), Err(Error::WrongIdentity)));
    let passphrase = Identity::Passphrase("x".into());
    assert!(matches!(open(&file, &passphrase), Err(Error::NeedsIdentity)));
}

#[test]
fn a_passphrase_seals_and_opens() {
    let passphrase = SecretString::from("correct horse battery staple");
    let file = sealed(&small_bundle(), &Recipient::Passphrase(passphrase.clone()));
    open(&file, &Identity::Passphrase(passphrase)).unwrap();
    assert!(matches!(open(&file, &Identity::Passphrase("correct horse".into())), Err(Error::WrongPassphrase)));
    assert!(matches!(open(&file, &keys().1), Err(Error::NeedsPassphrase)));
}

#[test]
fn work_beyond_the_limit_is_refused() {
    let header = "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 30\n\
                  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let file = [header.as_bytes(), &[0; 100]].concat();
    let error = open(&file, &Identity::Passphrase("x".into())).unwrap_err();
    assert!(matches!(error, Error::ExcessiveWork { required: 30, limit: 19 }), "{error}");
}

#[test]
fn a_header_without_end_is_refused() {
    let file = [b"age-encryption.org/v1\n-> ".as_slice(), &b"a".repeat(1 << 20)].concat();
    assert!(matches!(open(&file, &keys().1), Err(Error::TooLarge { .. })));
    assert!(matches!(open(&file[..1000], &keys().1), Err(Error::Truncated)));
    assert!(matches!(open(&small_bundle(), &keys().1), Err(Error::NotSealed)));
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let (recipient, identity) = keys();
    let file = sealed(&small_bundle(), &recipient);
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(open(&changed, &identity).is_err(), "byte {at}");
        assert!(open(&file[..at], &identity).is_err(), "cut at {at}");
    }
    assert!(open(&[&file[..], b"x"].concat(), &identity).is_err());
}

#[test]
fn a_large_sealed_file_is_found_changed_anywhere() {
    let (recipient, identity) = keys();
    let file = sealed(&write_bundle(&[("a", &noise(2, 400_000))]), &recipient);
    let part = (64 << 10) + 16;
    for at in (300..file.len()).step_by(10_007) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        let error = open(&changed, &identity).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. } | Error::Truncated), "byte {at}: {error}");
    }
    for parts in 1..file.len() / part {
        let cut = &file[..file.len() - parts * part];
        assert!(open(cut, &identity).is_err(), "{parts} parts less");
    }
}

#[test]
fn an_unsealed_file_reads_like_the_plain_one() {
    let (recipient, identity) = keys();
    let content = noise(3, 200_000);
    let file = sealed(&content, &recipient);
    let mut plain = unseal(Cursor::new(&file), &identity).unwrap();
    assert_eq!(plain.seek(SeekFrom::End(0)).unwrap(), 200_000);
    for at in [0, 199_990, 65_530, 65_536, 7] {
        let mut read = [0; 10];
        plain.seek(SeekFrom::Start(at)).unwrap();
        plain.read_exact(&mut read).unwrap();
        assert_eq!(read, content[at as usize..at as usize + 10]);
    }
}

#[test]
fn keys_are_checked_and_secrets_are_not_shown() {
    let bad = |key: &str| matches!(seal(Vec::new(), &Recipient::Key(key.into())), Err(Error::BadKey { .. }));
    assert!(bad("age1") && bad("") && bad("ssh-ed25519 AAAA"));
    let (recipient, identity) = keys();
    let file = sealed(b"", &recipient);
    assert!(matches!(unseal(Cursor::new(&file), &Identity::Key("AGE-SECRET-KEY-1".into())), Err(Error::BadKey { .. })));
    let Identity::Key(secret) = &identity else { unreachable!() };
    assert!(!format!("{identity:?}").contains(secret.expose_secret()));
    let passphrase = Recipient::Passphrase("hush hush".into());
    assert!(!format!("{passphrase:?}").contains("hush"));
}
