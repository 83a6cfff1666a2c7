//! From a request to an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{Request as HttpRequest, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{Answer, cut, etag};
use super::log::{Kind, Request, take};
use super::world::{World, network};
use super::{Shared, exec, files, instances, operations, settings};

/// Makes the router: one handler, which looks at the path itself.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(move |request: HttpRequest<Body>| handle(Arc::clone(&shared), request))
}

async fn handle(shared: Arc<Shared>, request: HttpRequest<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Answer::error(400, "unexpected EOF").response();
    };
    let request = logged(&parts, &bytes);
    let (troubles, refused) = {
        let mut world = shared.world();
        world.requests.push(request.clone());
        (take(&mut world.troubles, &request), world.writes_forbidden && request.is_write())
    };
    if refused {
        let text = format!("the fake forbids writes: {} {}", request.method, request.path);
        return Answer::error(500, text).response();
    }
    for trouble in &troubles {
        match trouble {
            Kind::Fail(status, text) => return Answer::error(*status, text.clone()).response(),
            Kind::Delay(by) => tokio::time::sleep(*by).await,
            Kind::Cut => {}
        }
    }
    let response = if request.path.ends_with("/websocket") {
        upgrade(&shared, &mut parts, &request).await
    } else {
        answer(&shared, &parts, &request, &bytes).await.response()
    };
    if troubles.iter().any(|trouble| matches!(trouble, Kind::Cut)) { cut(response).await } else { response }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn logged(parts: &Parts, body: &Bytes) -> Request {
    let length = parts.headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    Request {
        method: parts.method.to_string(),
        path: decode(parts.uri.path()),
        query: parts.uri.query().unwrap_or_default().into(),
        length,
        body: serde_json::from_slice(body).unwrap_or_default(),
    }
}

fn query(parts: &Parts) -> BTreeMap<String, String> {
    let pairs = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.into(), decode(value))).collect()
}

async fn upgrade(shared: &Arc<Shared>, parts: &mut Parts, request: &Request) -> Response<Body> {
    let secret = query(parts).remove("secret").unwrap_or_default();
    let Some(running) = shared.world().running.remove(&secret) else {
        return Answer::error(403, "Forbidden").response();
    };
    match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| async move { running.connect(socket) }),
        Err(_) => Answer::error(400, format!("no upgrade: {}", request.path)).response(),
    }
}

async fn answer(shared: &Arc<Shared>, parts: &Parts, request: &Request, bytes: &Bytes) -> Answer {
    let query = query(parts);
    let if_match = parts.headers.get("if-match").and_then(|value| value.to_str().ok());
    let project = query.get("project").map_or("default", String::as_str);
    if !shared.world().projects.contains_key(project) {
        return Answer::error(404, "Failed loading project: Project not found");
    }
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let method = request.method.as_str();
    // Aliases have slashes: segments are cut before they are decoded.
    let segments: Vec<String> = parts.uri.path().split('/').skip(1).map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method, segments.as_slice()) {
        ("GET", ["1.0", "operations", id, "wait"]) => {
            return operations::wait(shared, id, get("timeout").parse().unwrap_or(30)).await;
        }
        ("POST", ["1.0", "instances", name, "exec"]) => return exec::begin(shared, name, &request.body),
        _ => {}
    }
    let world = &mut *shared.world();
    match (method, segments.as_slice()) {
        (_, ["1.0"]) => settings::answer(world, method, if_match, &request.body),
        ("GET", ["ui", ""]) if world.has_ui => Answer::Raw(b"<html></html>".to_vec(), vec![]),
        ("GET" | "POST", ["1.0", "certificates"]) => settings::certificates(world, method, &request.body),
        (_, ["1.0", "certificates", fingerprint]) => settings::certificate(world, method, fingerprint),
        ("GET", ["1.0", "operations"]) => operations::all(world),
        ("GET", ["1.0", "operations", id]) => operations::look(world, id),
        (_, ["1.0", "instances"]) => instances::all(world, method, get("recursion"), &request.body),
        (_, ["1.0", "instances", name]) => instances::one(world, method, name, if_match, &request.body),
        (_, ["1.0", "instances", name, "state"]) => instances::state(world, method, name, &request.body),
        (_, ["1.0", "instances", name, "files"]) => {
            files::answer(world, method, name, get("path"), &parts.headers, bytes)
        }
        ("GET", ["1.0", "instances", _, "console" | "logs", ..]) => Answer::Raw(b"a log\n".to_vec(), vec![]),
        ("POST", ["1.0", "networks"]) => make_network(world, &request.body),
        (_, ["1.0", "networks", name]) => {
            object(&mut world.networks, method, name, if_match, &request.body, "Network not found")
        }
        (_, ["1.0", "projects", name]) => {
            object(&mut world.projects, method, name, if_match, &request.body, "Project not found")
        }
        ("GET", ["1.0", "images", "aliases", alias]) => match world.aliases.get(*alias) {
            Some(target) => Answer::of(json!({"name": alias, "target": target})),
            None => Answer::error(404, "Image alias not found"),
        },
        ("GET", ["1.0", "network-allocations"]) => Answer::of(allocations(world)),
        _ => Answer::error(404, "not found"),
    }
}

fn make_network(world: &mut World, body: &Value) -> Answer {
    let name = body["name"].as_str().unwrap_or_default();
    if world.networks.contains_key(name) {
        return Answer::error(409, format!("Network \"{name}\" already exists"));
    }
    let made = network(name, body["description"].as_str().unwrap_or_default(), &body["config"]);
    world.networks.insert(name.into(), made);
    Answer::of(Value::Null)
}

/// Answers for a network or a project.
fn object(
    all: &mut BTreeMap<String, Value>,
    method: &str,
    name: &str,
    if_match: Option<&str>,
    body: &Value,
    missing: &str,
) -> Answer {
    let Some(found) = all.get_mut(name) else {
        return Answer::error(404, missing);
    };
    let current = etag(found);
    if if_match.is_some_and(|given| given != current) {
        return Answer::error(412, format!("ETag doesn't match: {current} vs {}", if_match.unwrap_or_default()));
    }
    match method {
        "GET" => Answer::versioned(found.clone()),
        "PUT" => {
            found["config"] = body["config"].clone();
            found["description"] = body["description"].clone();
            Answer::empty()
        }
        "DELETE" => {
            all.remove(name);
            Answer::empty()
        }
        _ => Answer::error(501, "not implemented"),
    }
}

fn allocations(world: &World) -> Value {
    let networks = world.networks.iter().map(|(name, network)| {
        let address = network["config"]["ipv4.address"].as_str().unwrap_or_default();
        json!({"addresses": address, "used_by": format!("/1.0/networks/{name}"), "type": "network"})
    });
    let instances = world.instances.iter().filter_map(|(name, instance)| {
        let address = format!("{}/32", instance.address()?);
        Some(json!({"addresses": address, "used_by": format!("/1.0/instances/{name}"), "type": "instance"}))
    });
    networks.chain(instances).collect()
}
