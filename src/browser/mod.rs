//! The certificate by which Incus knows a browser of this user: made here, kept in the form that browsers import.
//!
//! Certificate and key lie in one PKCS#12 file, its password beside it: browsers ask for one, and it keeps a copy safe
//! that is carried to where the browser is. Both are for this user alone.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy, PrivateKey, PrivateKeyChain};
use rand::Rng;
use rand::distr::Alphanumeric;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};

use crate::desired::sha256_hex;

#[cfg(test)]
mod tests;

/// How long a certificate is good, in years; as long as those that incus makes for its own clients.
const YEARS: i16 = 10;

/// The length of a password: 142 bits of letters and digits.
const PASSWORD: usize = 24;

/// Where the certificate of a topology lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    topology: String,
}

/// A certificate without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its bytes.
    pub der: Vec<u8>,
    /// The hex SHA-256 of these, by which Incus names it.
    pub fingerprint: String,
}

impl Certificate {
    fn of(der: &[u8]) -> Self {
        Self { der: der.to_vec(), fingerprint: sha256_hex(der) }
    }
}

impl Place {
    /// The user's own: below `$XDG_DATA_HOME`, else `~/.local/share`.
    ///
    /// # Errors
    /// Where the environment names neither.
    pub fn of(topology: &str) -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
        let data = data.context("neither HOME nor XDG_DATA_HOME says where the browser's certificate belongs")?;
        Ok(Self::below(&data.join("distctl/ui"), topology))
    }

    fn below(folder: &Path, topology: &str) -> Self {
        Self { folder: folder.to_owned(), topology: topology.to_owned() }
    }

    /// The PKCS#12 file with certificate and key.
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.p12", self.topology))
    }

    /// The file with the password of that one.
    pub fn password_file(&self) -> PathBuf {
        self.folder.join(format!("{}.password", self.topology))
    }

    /// Reads the certificate; `None` where there is none that a browser could import.
    pub fn load(&self) -> Option<Certificate> {
        let password = fs::read_to_string(self.password_file()).ok()?;
        let store = KeyStore::from_pkcs12(&fs::read(self.file()).ok()?, password.trim(), Pkcs12ImportPolicy::Strict);
        let store = store.ok()?;
        let (_, chain) = store.private_key_chain()?;
        chain.certs().first().map(|certificate| Certificate::of(certificate.as_der()))
    }

    /// Makes a certificate with a new key and keeps it, instead of what may be there. `owner` is for people.
    ///
    /// # Errors
    /// The disk.
    pub fn make(&self, owner: &str) -> Result<Certificate> {
        let key = KeyPair::generate().context("no key could be made")?;
        let signed = parameters(&self.topology, owner)?.self_signed(&key).context("no certificate could be made")?;
        let password: String = rand::rng().sample_iter(Alphanumeric).take(PASSWORD).map(char::from).collect();
        let chain = PrivateKeyChain::new(
            signed.der().as_ref().get(..16).unwrap_or_default(),
            PrivateKey::from_der(key.serialized_der())?,
            [p12_keystore::Certificate::from_der(signed.der())?],
        );
        let mut store = KeyStore::new();
        store.add_entry(&format!("distctl {}", self.topology), KeyStoreEntry::PrivateKeyChain(chain));
        let sealed = store.writer(&password).write()?;
        self.keep(&sealed, &password).with_context(|| format!("{} can't be written", self.folder.display()))?;
        Ok(Certificate::of(signed.der()))
    }

    /// The password comes first: without it the other is worth nothing, and counts as lost.
    fn keep(&self, sealed: &[u8], password: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        self.put(&self.password_file(), format!("{password}\n").as_bytes())?;
        self.put(&self.file(), sealed)
    }

    /// Written beside its place, where a new file is for its owner alone, and renamed.
    fn put(&self, to: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(to)?;
        Ok(())
    }

    /// Removes both files.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&self) -> io::Result<()> {
        for file in [self.file(), self.password_file()] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn parameters(topology: &str, owner: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    // Yesterday: the server's clock may be behind.
    let from = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).yesterday()?.date();
    let date = |years: i16| date_time_ymd(i32::from(from.year() + years), from.month() as u8, from.day().min(28) as u8);
    (parameters.not_before, parameters.not_after) = (date(0), date(YEARS));
    parameters.distinguished_name.push(DnType::CommonName, format!("distctl {topology} ({owner})"));
    parameters.distinguished_name.push(DnType::OrganizationName, "distctl");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(parameters)
}

/// Who this user is, to people and to later runs: `ana@laptop`.
pub fn owner() -> String {
    let number = || fs::metadata("/proc/self").map_or(0, |own| own.uid());
    let user = std::env::var("USER").unwrap_or_else(|_| format!("user-{}", number()));
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", host.trim())
}
