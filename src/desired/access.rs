//! Who may do what in a set or a single mongod, and which containers have which secrets.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{AGENT_ROLE, Credential, Directory, Role, UserSpec};

use super::secret::{ADMIN_USER, AGENT_USER, STORE};
use super::{Access, Container, Desired, SecretName, service};
use crate::topology::{Auth, Reference, Topology};

/// The users of a set or a single mongod; `None` where nobody is asked for a password.
pub(super) fn access(owner: &str, topology: &Topology) -> Option<Access> {
    if topology.mongodb.auth() == Auth::None {
        return None;
    }
    let stored = |user: &str| credential(user, SecretName::password(owner, user).store_path());
    let (admin, agent) = keepers(owner);
    let mut users = vec![
        UserSpec { credential: admin.clone(), roles: vec![role("root", "admin")] },
        UserSpec { credential: agent.clone(), roles: vec![role(AGENT_ROLE, "admin")] },
    ];
    users.extend(clients(owner, topology).into_iter().map(|(service, databases)| UserSpec {
        credential: stored(service),
        roles: databases.iter().map(|db| role("readWrite", db)).collect(),
    }));
    Some(Access { admin, agent, users })
}

/// The administrator and the agent's user of a set or a single mongod. Where the topology says `auth: none`, a running
/// mongod may know them from before.
pub fn keepers(owner: &str) -> (Credential, Credential) {
    let admin = credential(ADMIN_USER, SecretName::password(owner, ADMIN_USER).store_path());
    // The unit of a mongod runs the agent, and not as root: it reads the copy that is mongodb's.
    (admin, credential(AGENT_USER, SecretName::password(owner, AGENT_USER).use_path()))
}

fn credential(user: &str, password_file: String) -> Credential {
    Credential { user: user.to_owned(), password_file }
}

fn role(role: &str, db: &str) -> Role {
    Role { role: role.to_owned(), db: db.to_owned() }
}

/// The services that ask for a uri of a set, and the databases that they ask for.
fn clients<'t>(owner: &str, topology: &'t Topology) -> BTreeMap<&'t str, BTreeSet<String>> {
    let mut clients: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (service, declared) in topology.services.iter() {
        for reference in service::references_of(declared) {
            if let Reference::MongoUri { name, db } = reference
                && name == owner
            {
                clients.entry(service).or_default().insert(db);
            }
        }
    }
    clients
}

/// Puts each secret into the containers that need it.
pub(super) fn add_secrets(desired: &mut Desired, topology: &Topology) {
    let sets = desired.replica_sets.iter().map(|(name, set)| (name, &set.members[..], &set.access, true));
    let singles = desired
        .standalones
        .iter()
        .map(|(name, single)| (name, std::slice::from_ref(&single.mongod), &single.access, false));
    for (owner, mongods, access, is_set) in sets.chain(singles) {
        let Some(access) = access else { continue };
        let hosts: BTreeSet<&str> = mongods.iter().map(|mongod| mongod.container.as_str()).collect();
        let passwords = access.users.iter().map(|user| SecretName::password(owner, &user.credential.user));
        let mut used = vec![SecretName::password(owner, AGENT_USER)];
        used.extend(is_set.then(|| SecretName::keyfile(owner)));
        let stored: BTreeSet<_> = passwords.chain(used.iter().cloned()).collect();
        for host in &hosts {
            if let Some(container) = desired.containers.get_mut(*host) {
                stored.iter().for_each(|secret| store(container, secret));
                container.files.extend(used.iter().map(SecretName::used));
            }
        }
        for service in clients(owner, topology).into_keys() {
            for host in topology.services.get(service).into_iter().flat_map(|service| &service.container) {
                if let Some(container) = desired.containers.get_mut(&host.value) {
                    store(container, &SecretName::password(owner, service));
                }
            }
        }
    }
}

pub(super) fn store(container: &mut Container, secret: &SecretName) {
    for (path, mode) in [("/var/lib/distctl", 0o711), (STORE, 0o700)] {
        add_directory(container, path, mode, "root");
    }
    container.files.extend([secret.stored()]);
}

/// Adds a directory once.
pub(super) fn add_directory(container: &mut Container, path: &str, mode: u32, owner: &str) {
    let directory = Directory { path: path.to_owned(), mode, owner: owner.to_owned(), group: owner.to_owned() };
    if !container.directories.contains(&directory) {
        container.directories.push(directory);
        container.directories.sort();
    }
}
