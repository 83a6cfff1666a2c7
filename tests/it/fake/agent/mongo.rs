//! The mongods of all guests. Each keeps its set's configuration and its users beside its data.

use std::collections::BTreeMap;

use protocol::{
    Access, Credential, EnsureUsersRequest, Failure, LoginSeen, MemberStatus, Mongod, MongodAbsence, MongodQuery, Role,
    Security, SetConfig,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::world::World;
use super::disk::{Files, unit_state};

/// A user as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct User {
    password: String,
    roles: Vec<Role>,
}

type Users = BTreeMap<String, User>;

/// Beside its data, which is where its configuration says.
fn place(world: &World, instance: &str, port: u16, what: &str) -> Option<String> {
    let folder = folder(&world.instances.get(instance)?.files, &format!("mongod-{port}.service"))?;
    Some(format!("{folder}/{what}.json"))
}

/// The data folder of a mongod, by its unit.
pub fn folder(files: &Files, unit: &str) -> Option<String> {
    let conf = files.get(&format!("/etc/distctl/{}.conf", unit.strip_suffix(".service")?))?;
    let conf = String::from_utf8_lossy(&conf.content).into_owned();
    Some(conf.lines().find_map(|line| line.trim().strip_prefix("dbPath:"))?.trim().to_owned())
}

fn is_up(world: &World, instance: &str, port: u16) -> bool {
    let Some(found) = world.instances.get(instance) else { return false };
    found.status() == "Running" && unit_state(&found.files, &format!("mongod-{port}.service")).active == "active"
}

fn kept<T: DeserializeOwned>(world: &World, instance: &str, port: u16, what: &str) -> Option<T> {
    let file = world.instances.get(instance)?.files.get(&place(world, instance, port, what)?)?;
    serde_json::from_slice(&file.content).ok()
}

fn keep(world: &mut World, instance: &str, port: u16, what: &str, value: &impl Serialize) -> Result<(), Failure> {
    let place = place(world, instance, port, what).ok_or_else(|| Failure::new(instance, "has no such mongod"))?;
    super::disk(world, instance)?.note(place, &serde_json::to_string(value).unwrap());
    Ok(())
}

/// Finds who has `address:port`.
fn member(world: &World, host: &str) -> Result<(String, u16), Failure> {
    let (address, port) = host.split_once(':').ok_or_else(|| Failure::new(host, "is no address with a port"))?;
    let found = world.instances.iter().find(|(_, instance)| instance.address() == Some(address));
    let (name, _) = found.ok_or_else(|| Failure::new(host, "is nobody's address"))?;
    Ok((name.clone(), port.parse().unwrap()))
}

fn member_is_up(world: &World, host: &str) -> bool {
    member(world, host).is_ok_and(|(name, port)| is_up(world, &name, port))
}

/// Gives the member of those that are up that has the highest priority.
fn primary<'c>(world: &World, config: &'c SetConfig) -> Option<&'c str> {
    let up = config.members.iter().filter(|member| member_is_up(world, &member.host));
    up.max_by(|a, b| a.priority.total_cmp(&b.priority)).map(|member| member.host.as_str())
}

/// Says how a mongod is.
pub fn look(world: &World, instance: &str, query: &MongodQuery) -> Result<Mongod, MongodAbsence> {
    if !is_up(world, instance, query.port) {
        return Err(MongodAbsence::NotListening);
    }
    let config: Option<SetConfig> = kept(world, instance, query.port, "set");
    let users: Option<Users> = kept(world, instance, query.port, "users");
    let address = world.instances[instance].address().unwrap_or_default();
    let host = format!("{address}:{}", query.port);
    let primary = config.as_ref().and_then(|config| primary(world, config)).map(str::to_owned);
    let state = |host: &str| match member_is_up(world, host) {
        _ if primary.as_deref() == Some(host) => "PRIMARY",
        true => "SECONDARY",
        false => "(not reachable/healthy)",
    };
    let members = config.iter().flat_map(|config| &config.members).map(|member| MemberStatus {
        host: member.host.clone(),
        state: state(&member.host).into(),
        healthy: member_is_up(world, &member.host),
        optime_ms: Some(1_700_000_000_000),
    });
    let access = access(world, instance, query, users.as_ref());
    let roles = |users: Users| users.into_iter().map(|(name, user)| (format!("admin.{name}"), user.roles)).collect();
    let is_primary = config.is_none() || primary.as_ref() == Some(&host);
    Ok(Mongod {
        version: "6.0.5".into(),
        set_name: config.as_ref().map(|config| config.name.clone()),
        writable: is_primary,
        secondary: primary.as_ref().is_some_and(|primary| *primary != host),
        members: members.collect(),
        too_stale: false,
        logins: if is_primary { logins(world, instance, query, users.as_ref()) } else { BTreeMap::new() },
        users: users.filter(|_| access == Access::Granted).map(roles),
        primary,
        knows_us: access == Access::Granted,
        access,
        config,
        databases: Vec::new(),
        security: Some(security(world, instance, query.port)),
    })
}

/// Whether a mongod asks for passwords, by its configuration.
fn security(world: &World, instance: &str, port: u16) -> Security {
    match password(world, instance, &format!("/etc/distctl/mongod-{port}.conf")).unwrap_or_default() {
        text if text.contains("transitionToAuth") => Security::Transition,
        text if text.contains("authorization") => Security::Enforced,
        _ => Security::Open,
    }
}

fn access(world: &World, instance: &str, query: &MongodQuery, users: Option<&Users>) -> Access {
    if security(world, instance, query.port) != Security::Enforced {
        return Access::Granted;
    }
    let (Some(credential), Some(users)) = (&query.credential, users) else {
        return if query.credential.is_some() { Access::NoUsers } else { Access::Granted };
    };
    let right = takes(world, instance, credential, users);
    if right { Access::Granted } else { Access::Refused("Authentication failed.".into()) }
}

fn takes(world: &World, instance: &str, credential: &Credential, users: &Users) -> bool {
    let password = password(world, instance, &credential.password_file);
    users.get(&credential.user).is_some_and(|user| Some(&user.password) == password.as_ref())
}

fn logins(world: &World, instance: &str, query: &MongodQuery, users: Option<&Users>) -> BTreeMap<String, LoginSeen> {
    let Some(users) = users else { return BTreeMap::new() };
    let seen = |one: &Credential| match takes(world, instance, one, users) {
        true => LoginSeen::Taken,
        false => LoginSeen::Refused("Authentication failed.".into()),
    };
    query.logins.iter().map(|one| (one.user.clone(), seen(one))).collect()
}

fn password(world: &World, instance: &str, path: &str) -> Option<String> {
    let file = world.instances.get(instance)?.files.get(path)?;
    String::from_utf8(file.content.clone()).ok()
}

/// Fails where a mongod is not up; a real agent would wait.
pub fn assert_up(world: &World, instance: &str, port: u16) -> Result<(), Failure> {
    let down = || Failure::new(format!("mongod-{port}.service"), "nothing has started it");
    is_up(world, instance, port).then_some(()).ok_or_else(down)
}

/// Fails where one of the members is not up.
pub fn assert_members_up(world: &World, hosts: &[String]) -> Result<(), Failure> {
    hosts.iter().try_for_each(|host| {
        let (instance, port) = member(world, host)?;
        assert_up(world, &instance, port)
    })
}

/// Initiates a set. All its members must be up and have the same keyfile.
pub fn initiate(world: &mut World, config: &SetConfig) -> Result<(), Failure> {
    let mut keys = Vec::new();
    for one in &config.members {
        let (instance, port) = member(world, &one.host)?;
        assert_up(world, &instance, port)?;
        keys.push(password(world, &instance, &format!("/etc/distctl/{}.keyfile", config.name)));
    }
    if keys.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(Failure::new(format!("replica set {}", config.name), "its members have different keyfiles"));
    }
    reconfigure(world, config)
}

/// Gives all members a configuration.
pub fn reconfigure(world: &mut World, config: &SetConfig) -> Result<(), Failure> {
    for one in &config.members {
        let (instance, port) = member(world, &one.host)?;
        keep(world, &instance, port, "set", config)?;
    }
    Ok(())
}

/// Makes users, on all members of the set.
pub fn ensure_users(world: &mut World, instance: &str, asked: &EnsureUsersRequest) -> Result<(), Failure> {
    let mut users: Users = kept(world, instance, asked.port, "users").unwrap_or_default();
    for user in &asked.users {
        let path = &user.credential.password_file;
        let found = password(world, instance, path)
            .or_else(|| users.get(&user.credential.user).map(|user| user.password.clone()));
        let password = found.ok_or_else(|| Failure::new(path, "can't be read: no such file"))?;
        users.insert(user.credential.user.clone(), User { password, roles: user.roles.clone() });
    }
    let config: Option<SetConfig> = kept(world, instance, asked.port, "set");
    let hosts = config.iter().flat_map(|config| &config.members).map(|one| member(world, &one.host));
    let mut places = hosts.collect::<Result<Vec<_>, _>>()?;
    places.push((instance.to_owned(), asked.port));
    places.iter().try_for_each(|(instance, port)| keep(world, instance, *port, "users", &users))
}
