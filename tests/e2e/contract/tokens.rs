//! Tokens: what is in them, and which are none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Stage, make, product, stage};
use crate::harness::{Http, Ran, lab};

/// Signs what the first two arguments say with the key in the third, with Python's own library.
const SIGN: &str = "
import base64, hashlib, hmac, sys
part = lambda octets: base64.urlsafe_b64encode(octets).rstrip(b'=')
said = part(sys.argv[1].encode()) + b'.' + part(sys.argv[2].encode())
print((said + b'.' + part(hmac.new(sys.argv[3].encode(), said, hashlib.sha256).digest())).decode())
";

fn signed(algorithm: &str, claims: &Value, key: &str) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT" }).to_string();
    let ran = Ran::of(lab().inside("python3").args(["-c", SIGN, &header, &claims.to_string(), key]));
    ran.ended_with(0).stdout.trim().to_owned()
}

fn verify(stage: &Stage, token: &str) -> crate::harness::http::Answer {
    stage.auth.bearer(token).send("POST", "/auth/verify", &[], b"")
}

fn part(token: &str, number: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_token_says_who_it_is_and_ends_within_an_hour() {
    let stage = stage();
    let token = stage.join("elena");
    assert_eq!(part(&token, 0)["alg"], "HS256");
    let claims = part(&token, 1);
    assert_eq!((&claims["sub"], &claims["role"]), (&json!("elena"), &json!("user")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
    let verified = verify(&stage, &token).is(200);
    assert!(verified["message"].is_string());
    assert_eq!((&verified["username"], &verified["role"]), (&json!("elena"), &json!("user")));
    let admin = verify(&stage, &stage.log_in("admin", &stage.password())).is(200);
    assert_eq!(admin["role"], "admin");
}

#[test]
fn a_token_that_is_none_opens_nothing() {
    let stage = stage();
    let key = stage.platform.system.secret("auth", "jwt");
    let now = jiff::Timestamp::now().as_second();
    let claims = |iat: i64, exp: i64| json!({ "sub": "admin", "role": "admin", "iat": iat, "exp": exp });
    let good = claims(now, now + 3600);
    // What is signed here as auth-server signs is good: the others are refused for what is wrong with them.
    verify(&stage, &signed("HS256", &good, &key)).is(200);
    stage.web.bearer(&signed("HS256", &good, &key)).get("/users").is(200);

    let unsigned = signed("none", &good, &key);
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    let (mut stolen, other) = (signed("HS256", &good, &key), signed("HS256", &claims(now, now + 60), &key));
    stolen.replace_range(..stolen.rfind('.').unwrap(), other.rsplit_once('.').unwrap().0);
    for (what, token) in [
        ("no algorithm", format!("{unsigned}.")),
        ("no algorithm, but a signature", signed("none", &good, &key)),
        ("another algorithm", signed("HS512", &good, &key)),
        ("an algorithm with two keys", signed("RS256", &good, &key)),
        ("another key", signed("HS256", &good, "another key of thirty-two letters")),
        ("expired", signed("HS256", &claims(now - 7200, now - 1), &key)),
        ("from the future", signed("HS256", &claims(now + 600, now + 4200), &key)),
        ("without an end", signed("HS256", &json!({ "sub": "admin", "role": "admin", "iat": now }), &key)),
        ("of nobody", signed("HS256", &json!({ "sub": "x", "role": "admin", "iat": now, "exp": now + 60 }), &key)),
        ("the signature of another", stolen),
        ("no token", "admin".to_owned()),
        ("dots", "..".to_owned()),
    ] {
        assert_eq!(verify(&stage, &token).status, 401, "auth-server: {what}");
        assert_eq!(stage.web.bearer(&token).get("/products").status, 401, "web-server: {what}");
        assert_eq!(stage.web.bearer(&token).get("/users").status, 401, "web-server, users: {what}");
    }
    stage.auth.send("POST", "/auth/verify", &[], b"").says(401);
}

#[test]
fn without_a_token_no_product_is_seen_or_touched() {
    let stage = stage();
    let token = stage.log_in("admin", &stage.password());
    let path = format!("/products/{}", make(&stage.web.bearer(&token), "Café"));
    let cookie = format!("Cookie: session={token}");
    let ask = |method: &str, path: &str, body: &[u8]| {
        let headers = ["Content-Type: application/json", cookie.as_str()];
        // A cookie counts for nothing: another site's page could make a browser send it.
        [stage.web.send(method, path, &headers, body), nobody(&stage.web, method, path, body)]
    };
    let new = product("Nuez").to_string();
    for answer in [
        ask("GET", "/products", b""),
        ask("GET", &path, b""),
        ask("POST", "/products", new.as_bytes()),
        ask("PUT", &path, b"{\"price\": 1}"),
        ask("DELETE", &path, b""),
        ask("GET", "/users", b""),
    ]
    .iter()
    .flatten()
    {
        answer.says(401);
        assert!(answer.header("www-authenticate").is_some(), "{}", answer.head);
    }
    assert_eq!((stage.names("rsA"), stage.names("rsB")), (vec!["Café".to_owned()], vec![]));
    assert_eq!(stage.held("rsA")[0]["price"], 12.5);
}

fn nobody(web: &Http, method: &str, path: &str, body: &[u8]) -> crate::harness::http::Answer {
    web.send(method, path, &["Content-Type: application/json"], body)
}
