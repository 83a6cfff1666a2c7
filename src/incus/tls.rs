//! TLS towards a remote daemon: the client's own certificate, and a server certificate that is pinned.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls_platform_verifier::BuilderVerifierExt;

use super::error::Error;

/// Whom to believe.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// Only the server that has this very certificate (a PEM file).
    Pinned(PathBuf),
    /// Servers that the authorities of a PEM file vouch for.
    Authorities(PathBuf),
    /// Servers that the system's authorities vouch for.
    System,
}

/// A client certificate and its key, both PEM files.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// The certificate.
    pub(super) certificate: PathBuf,
    /// The key, not encrypted.
    pub(super) key: PathBuf,
}

/// Makes the configuration of TLS connections to a remote.
pub(super) fn configuration(trust: &Trust, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| broken("the TLS library", error))?;
    let builder = match trust {
        Trust::Pinned(path) => {
            let pinned = certificates(path)?.swap_remove(0);
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Pin { pinned, provider }))
        }
        Trust::Authorities(path) => builder.with_webpki_verifier(authorities(path, provider)?),
        Trust::System => builder.with_platform_verifier().map_err(|error| broken("the system's authorities", error))?,
    };
    let mut config = with_identity(builder, identity)?;
    // Websockets need HTTP/1.1, and with it one client serves plain calls as well.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Makes a configuration that trusts nobody, for connections that use no TLS.
pub(super) fn none() -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| broken("the TLS library", error))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&Identity>,
) -> Result<ClientConfig, Error> {
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(|error| Error::Config {
        path: identity.key.clone(),
        message: format!("no private key that can be read ({error}); keys with a passphrase are not supported"),
    })?;
    builder
        .with_client_auth_cert(certificates(&identity.certificate)?, key)
        .map_err(|error| broken(&identity.certificate.display().to_string(), error))
}

fn certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let config = |message: String| Error::Config { path: path.to_owned(), message };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| config(format!("no certificate that can be read ({error})")))?;
    if found.is_empty() { Err(config("holds no certificate".into())) } else { Ok(found) }
}

fn authorities(path: &std::path::Path, provider: Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(path)?);
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::Config { path: path.to_owned(), message: error.to_string() })
}

fn broken(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Config { path: PathBuf::from(what), message: error.to_string() }
}

/// Believes one certificate and no other, whatever names it carries.
///
/// Incus signs its own certificate for its host name and loopback, which never match the address that a client uses;
/// so the incus command line stores the certificate when a remote is added, and that copy is what counts.
#[derive(Debug)]
struct Pin {
    pinned: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if shown.as_ref() == self.pinned.as_ref() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
