//! HMAC with SHA-256 for jsonwebtoken, from ring.
//!
//! Nothing else can be signed or verified: an algorithm that is not here can't be confused with one that is.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as Refused, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use ring::hmac::{HMAC_SHA256, Key, sign, verify};

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

struct Hs256(Key);

/// Makes jsonwebtoken use it.
pub(super) fn install() {
    // Refused only if there is one already, and there is no other in this program.
    let _ = PROVIDER.install_default();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    only(*algorithm, key.family())?;
    Ok(Box::new(Hs256(Key::new(HMAC_SHA256, key.as_bytes()))))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    only(*algorithm, key.family())?;
    Ok(Box::new(Hs256(Key::new(HMAC_SHA256, key.try_get_as_bytes()?))))
}

fn only(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), Error> {
    let right = algorithm == Algorithm::HS256 && family == AlgorithmFamily::Hmac;
    if right { Ok(()) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Refused> {
        Ok(sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Refused> {
        verify(&self.0, message, signature).map_err(|_| Refused::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
