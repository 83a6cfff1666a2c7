//! The daemon's own settings, and whom it trusts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{Answer, etag};
use super::world::World;

/// Answers for the daemon itself.
pub fn answer(world: &mut World, method: &str, if_match: Option<&str>, body: &Value) -> Answer {
    let root = world.root();
    let current = etag(&root);
    if if_match.is_some_and(|given| given != current) {
        return Answer::error(412, format!("ETag doesn't match: {current} vs {}", if_match.unwrap_or_default()));
    }
    match method {
        "GET" => Answer::versioned(root),
        "PATCH" => {
            for (key, value) in body["config"].as_object().into_iter().flatten() {
                match value.as_str() {
                    None | Some("") => world.settings.remove(key),
                    Some(value) => world.settings.insert(key.clone(), value.to_owned()),
                };
            }
            Answer::empty()
        }
        _ => Answer::error(501, "not implemented"),
    }
}

/// Answers for the list of trusted certificates.
pub fn certificates(world: &mut World, method: &str, body: &Value) -> Answer {
    if method == "GET" {
        return Answer::of(world.certificates.values().cloned().collect());
    }
    let der = STANDARD.decode(body["certificate"].as_str().unwrap_or_default()).unwrap_or_default();
    let fingerprint: String = Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect();
    if world.certificates.contains_key(&fingerprint) {
        return Answer::error(409, "Certificate already in trust store");
    }
    let made = json!({"name": body["name"], "type": body["type"], "restricted": body["restricted"],
        "description": body["description"], "fingerprint": fingerprint});
    world.certificates.insert(fingerprint, made);
    Answer::of(Value::Null)
}

/// Answers for one trusted certificate.
pub fn certificate(world: &mut World, method: &str, fingerprint: &str) -> Answer {
    match method {
        "DELETE" if world.certificates.remove(fingerprint).is_some() => Answer::empty(),
        "DELETE" => Answer::error(404, "Certificate not found"),
        _ => Answer::error(501, "not implemented"),
    }
}
