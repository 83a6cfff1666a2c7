use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use serde_json::{Value, json};
use serving::SecretKey;

use super::*;

const KEY: &str = "9f2d8c6b1a7e4f3d5c8b2a6e1f7d9c40";

fn tokens(key: &str) -> Tokens {
    Tokens::new(&key.parse::<SecretKey>().unwrap())
}

fn claims(iat: u64, exp: u64) -> Value {
    json!({ "sub": "ana", "role": "admin", "iat": iat, "exp": exp })
}

/// A token as an attacker builds it, or as we do if header and key are ours.
fn forged(header: &Value, claims: &Value, algorithm: hmac::Algorithm, key: &str) -> String {
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), message.as_bytes());
    format!("{message}.{}", BASE64.encode(signature))
}

fn ours(claims: &Value) -> String {
    forged(&json!({ "alg": "HS256", "typ": "JWT" }), claims, hmac::HMAC_SHA256, KEY)
}

#[test]
fn verifies_what_it_issues() {
    let tokens = tokens(KEY);
    let claims = tokens.verify(&tokens.issue("ana", Role::Admin).unwrap()).unwrap();
    assert_eq!((claims.sub.as_str(), claims.role, claims.exp - claims.iat), ("ana", Role::Admin, 3600));
    assert!(claims.iat.abs_diff(now()) <= 1);
    // The forger below can do what we do, so that its failures are the token's.
    assert!(tokens.verify(&ours(&self::claims(now(), now() + 60))).is_ok());
}

#[test]
fn refuses_other_keys_and_changed_claims() {
    let tokens = tokens(KEY);
    let other = self::tokens("0a1b9f7c3e5d2846b7a9c1e3f5d70829").issue("ana", Role::User).unwrap();
    assert_eq!(tokens.verify(&other), Err(Flaw::Invalid));
    let good = tokens.issue("ana", Role::User).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let changed = BASE64.encode(claims(now(), now() + 3600).to_string());
    assert_eq!(tokens.verify(&format!("{}.{changed}.{}", parts[0], parts[2])), Err(Flaw::Invalid));
    assert_eq!(tokens.verify(&format!("{}.{}.", parts[0], parts[1])), Err(Flaw::Invalid));
    for nonsense in ["", ".", "..", "a.b.c", "ñ.ñ.ñ", &good[..good.len() - 1]] {
        assert_eq!(tokens.verify(nonsense), Err(Flaw::Invalid), "{nonsense}");
    }
}

#[test]
fn refuses_every_algorithm_but_hs256() {
    let (tokens, claims) = (tokens(KEY), claims(now(), now() + 60));
    for algorithm in ["none", "None", "NONE", "nOnE", "", "hs256", "HS384", "RS256", "PS256", "ES256", "EdDSA"] {
        let header = json!({ "alg": algorithm, "typ": "JWT" });
        let token = forged(&header, &claims, hmac::HMAC_SHA256, KEY);
        assert_eq!(tokens.verify(&token), Err(Flaw::Invalid), "{algorithm}");
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        assert_eq!(tokens.verify(&format!("{unsigned}.")), Err(Flaw::Invalid), "{algorithm}");
        assert_eq!(tokens.verify(unsigned), Err(Flaw::Invalid), "{algorithm}");
    }
    let strong = forged(&json!({ "alg": "HS512" }), &claims, hmac::HMAC_SHA512, KEY);
    assert_eq!(tokens.verify(&strong), Err(Flaw::Invalid));
}

#[test]
fn refuses_tokens_of_other_times() {
    let (tokens, now) = (tokens(KEY), now());
    assert_eq!(tokens.verify(&ours(&claims(now - 3601, now - 1))), Err(Flaw::Expired));
    assert_eq!(tokens.verify(&ours(&claims(now + 60, now + 3660))), Err(Flaw::Invalid));
    assert!(tokens.verify(&ours(&claims(now + 2, now + 3600))).is_ok());
}

#[test]
fn refuses_tokens_that_lack_something() {
    let tokens = tokens(KEY);
    for missing in ["sub", "role", "iat", "exp"] {
        let mut claims = claims(now(), now() + 60);
        claims.as_object_mut().unwrap().remove(missing);
        assert_eq!(tokens.verify(&ours(&claims)), Err(Flaw::Invalid), "{missing}");
    }
}
