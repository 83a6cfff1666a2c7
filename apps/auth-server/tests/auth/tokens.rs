//! Tokens that are not ours, not good any more, or not good yet.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};

use crate::fixture::{KEY, Server};

fn signed(header: &Value, claims: &Value, key: &str) -> String {
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    format!("{message}.{}", BASE64.encode(sign(&Key::new(HMAC_SHA256, key.as_bytes()), message.as_bytes())))
}

#[test]
fn takes_only_its_own_tokens_of_now() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = |iat: u64, exp: u64| json!({ "sub": "ana", "role": "user", "iat": iat, "exp": exp });
    let verify = |token: &str| server.with_token("POST", "/auth/verify", token);
    let (ours, good) = (json!({ "alg": "HS256", "typ": "JWT" }), claims(now, now + 60));
    // The forger can do what the service does, so that the refusals below are the tokens' fault.
    assert_eq!(verify(&signed(&ours, &good, KEY)).status, 200);
    let invalid = (401, "Token inválido".to_owned());
    assert_eq!(verify(&signed(&ours, &good, "0a1b9f7c3e5d2846b7a9c1e3f5d70829")).said(), invalid);
    for algorithm in ["none", "None", "RS256", "HS512"] {
        let token = signed(&json!({ "alg": algorithm }), &good, KEY);
        assert_eq!(verify(&token).said(), invalid, "{algorithm}");
        assert_eq!(verify(&format!("{}.", token.rsplit_once('.').unwrap().0)).said(), invalid, "{algorithm}");
    }
    let expired = verify(&signed(&ours, &claims(now - 3601, now - 1), KEY));
    assert_eq!(expired.said(), (401, "El token ha expirado".to_owned()));
    assert_eq!(expired.headers["www-authenticate"], "Bearer");
    assert_eq!(verify(&signed(&ours, &claims(now + 60, now + 3600), KEY)).said(), invalid);
    // Somebody of that name before her, and somebody who never was.
    assert_eq!(verify(&signed(&ours, &claims(now - 60, now + 3000), KEY)).said(), invalid);
    let nobody = json!({ "sub": "nobody", "role": "admin", "iat": now, "exp": now + 60 });
    assert_eq!(verify(&signed(&ours, &nobody, KEY)).said(), invalid);
}

#[test]
fn takes_the_role_from_the_database() {
    let server = Server::start();
    assert_eq!(server.register("ana").status, 201);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": "ana", "role": "admin", "iat": now, "exp": now + 60 });
    let token = signed(&json!({ "alg": "HS256" }), &claims, KEY);
    assert_eq!(server.with_token("POST", "/auth/verify", &token).json()["role"], "user");
    assert_eq!(server.with_token("GET", "/users", &token).status, 403);
}

#[test]
fn wants_a_bearer_token() {
    let server = Server::start();
    for headers in
        [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "Bearer")], &[("authorization", "")]]
    {
        let answer = server.call("POST", "/auth/verify", headers, b"");
        assert_eq!(answer.said(), (401, "Token requerido".to_owned()), "{headers:?}");
    }
}
