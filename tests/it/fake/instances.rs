//! Instances: lists, changes, states.

use serde_json::{Map, Value, json};

use super::answer::{Answer, etag};
use super::world::{Instance, World};

/// Answers for `/1.0/instances`.
pub fn all(world: &mut World, method: &str, recursion: &str, body: &Value) -> Answer {
    match method {
        "GET" => {
            let show = |instance: &Instance| match recursion {
                "1" | "2" => shown(instance, recursion == "2"),
                _ => json!(format!("/1.0/instances/{}", instance.object["name"].as_str().unwrap_or_default())),
            };
            Answer::of(world.instances.values().map(show).collect())
        }
        "POST" => world.perform(|world| create(world, body)),
        _ => Answer::error(501, "not implemented"),
    }
}

fn create(world: &mut World, body: &Value) -> Result<(), (u16, String)> {
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    if world.instances.contains_key(&name) {
        let text = "UNIQUE constraint failed: instances.project_id, instances.name";
        return Err((500, format!("Failed creating instance record: Add instance info to the database: {text}")));
    }
    let alias = body["source"]["alias"].as_str().unwrap_or_default();
    let remote = body["source"]["server"].is_string();
    if !remote && !world.aliases.contains_key(alias) {
        return Err((500, "Image not provided for instance creation".into()));
    }
    world.instances.insert(name, Instance::new(body));
    Ok(())
}

/// Answers for `/1.0/instances/NAME`.
pub fn one(world: &mut World, method: &str, name: &str, if_match: Option<&str>, body: &Value) -> Answer {
    let Some(instance) = world.instances.get_mut(name) else {
        let text = format!("Failed to fetch instance \"{name}\" in project \"default\": Instance not found");
        return Answer::error(404, text);
    };
    let current = etag(&shown(instance, false));
    if if_match.is_some_and(|given| given != current) {
        return Answer::error(412, format!("ETag doesn't match: {current} vs {}", if_match.unwrap_or_default()));
    }
    match method {
        "GET" => Answer::versioned(shown(instance, false)),
        "PATCH" => {
            for part in ["config", "devices"] {
                merge(&mut instance.object[part], &body[part]);
            }
            // As 6.0.4 does: a description that is left out is lost.
            instance.object["description"] = json!(body["description"].as_str().unwrap_or_default());
            Answer::empty()
        }
        "PUT" => world.perform(|world| {
            let object = world.instances.get_mut(name).map(|instance| &mut instance.object);
            let Some(object) = object else {
                return Err((404, "Instance not found".into()));
            };
            for part in ["architecture", "config", "devices", "ephemeral", "profiles", "stateful", "description"] {
                object[part] = body[part].clone();
            }
            Ok(())
        }),
        "DELETE" if instance.status() != "Stopped" => Answer::error(400, "Instance is running"),
        "DELETE" => world.perform(|world| {
            world.instances.remove(name);
            Ok(())
        }),
        _ => Answer::error(501, "not implemented"),
    }
}

fn merge(into: &mut Value, changes: &Value) {
    let (Some(into), Some(changes)) = (into.as_object_mut(), changes.as_object()) else {
        return;
    };
    for (key, value) in changes {
        match value {
            Value::Null => drop(into.remove(key)),
            Value::String(text) if text.is_empty() => drop(into.remove(key)),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

/// Answers for `/1.0/instances/NAME/state`.
pub fn state(world: &mut World, method: &str, name: &str, body: &Value) -> Answer {
    let Some(instance) = world.instances.get(name) else {
        return Answer::error(404, "Instance not found");
    };
    if method == "GET" {
        return Answer::of(state_of(instance));
    }
    let action = body["action"].as_str().unwrap_or_default().to_owned();
    world.perform(|world| act(world, name, &action))
}

fn act(world: &mut World, name: &str, action: &str) -> Result<(), (u16, String)> {
    let taken = |address: &str| {
        let others = world.instances.iter().filter(|(other, _)| other.as_str() != name);
        others.clone().any(|(_, other)| other.address() == Some(address))
    };
    let clash = world.instances[name].address().filter(|address| taken(address)).map(str::to_owned);
    let instance = world.instances.get_mut(name).ok_or((404, "Instance not found".to_owned()))?;
    let status = match (action, instance.status()) {
        ("start", "Running") => return Err((500, "The instance is already running".into())),
        ("start" | "restart", _) if clash.is_some() => {
            let address = clash.unwrap_or_default();
            let text = format!("IP address \"{address}\" already defined on another NIC");
            return Err((409, format!("Failed start validation for device \"eth0\": {text}")));
        }
        ("stop" | "restart", "Stopped") => return Err((400, "The instance is already stopped".into())),
        ("freeze", "Stopped") => return Err((500, "The instance isn't running".into())),
        ("start" | "restart" | "unfreeze", _) => "Running",
        ("stop", _) => "Stopped",
        ("freeze", _) => "Frozen",
        (other, _) => return Err((400, format!("Unknown action: '{other}'"))),
    };
    if action == "restart" {
        instance.set_status("Stopped");
    }
    instance.set_status(status);
    Ok(())
}

/// Shows an instance as the API does.
fn shown(instance: &Instance, with_state: bool) -> Value {
    let mut object = instance.object.clone();
    let mut devices = Map::new();
    if object["profiles"].as_array().is_some_and(|profiles| profiles.contains(&json!("default"))) {
        devices.insert("root".into(), json!({"type": "disk", "path": "/", "pool": "default"}));
    }
    devices.extend(object["devices"].as_object().cloned().unwrap_or_default());
    object["expanded_devices"] = Value::Object(devices);
    object["expanded_config"] = object["config"].clone();
    object["state"] = if with_state { state_of(instance) } else { Value::Null };
    object
}

fn state_of(instance: &Instance) -> Value {
    if instance.status() == "Stopped" {
        return json!({"status": "Stopped", "pid": 0, "network": null, "disk": null, "memory": {}, "cpu": {}});
    }
    let address = json!({"family": "inet", "address": instance.address(), "netmask": "24", "scope": "global"});
    json!({"status": instance.status(), "pid": 4242, "processes": 10, "disk": {}, "cpu": {"usage": 0},
        "memory": {"usage": 0, "total": 0}, "network": {"eth0": {"addresses": [address], "hwaddr": "10:66:6a:00:00:01",
        "state": "up", "counters": {"bytes_received": 0, "bytes_sent": 0}}}})
}
