//! Asks Incus and the agents: the only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use futures_util::stream::{self, StreamExt};
use protocol::{Credential, InspectRequest, Inspection, MongodQuery, Reply, Request, ServiceQuery};

use super::{Container, Network, Observed, Part, Status};
use crate::desired::secret::AGENT_USER;
use crate::desired::{self, Content, DATA, DATA_KEY, Desired, Ledger, OWNER_KEY, SecretKind, SecretName};
use crate::guest::{self, Guests};
use crate::incus::{self, Instance};

mod disks;
mod incus_ui;

/// Unit files of these names in a guest are distctl's.
const UNIT_PREFIXES: &[&str] = &["mongod-"];

/// Takes one snapshot of all that a topology declares or owns; `parallel` guests are asked at once.
pub async fn collect(guests: &Guests, desired: &Desired, parallel: usize) -> Result<Observed, incus::Error> {
    let client = &guests.client;
    let (network, instances, allocations, incus_ui) = tokio::join!(
        client.network(&desired.network.name),
        client.instances(),
        client.allocations(),
        incus_ui::look(client, desired)
    );
    let network = match network {
        Ok(seen) => Part::Present(Network {
            managed: seen.managed,
            users: seen.used_by.len(),
            used_by: seen.used_by,
            config: seen.config,
        }),
        Err(error) if error.is_not_found() => Part::Absent,
        Err(error) => return Err(error),
    };
    let ours: Vec<Instance> = instances?
        .into_iter()
        .filter(|instance| {
            desired.containers.contains_key(&instance.name) || instance.config.get(OWNER_KEY) == Some(&desired.name)
        })
        .collect();
    let pools = disks::pools(client, desired).await?;
    let taken = taken(desired, client.project(), allocations.unwrap_or_default());
    let containers = stream::iter(ours)
        .map(|instance| look(guests, desired, instance))
        .buffer_unordered(parallel.max(1))
        .collect::<BTreeMap<_, _>>()
        .await;
    let incus_ui = incus_ui?;
    Ok(Observed { network, containers, taken, incus_ui, pools, import: None, no_lease: None })
}

/// Declared addresses that something else than the declared container holds.
fn taken(desired: &Desired, project: &str, allocations: Vec<incus::Allocation>) -> BTreeMap<Ipv4Addr, String> {
    let mut taken = BTreeMap::new();
    for allocation in allocations {
        let Some(address) = allocation.address.split('/').next().and_then(|text| text.parse::<Ipv4Addr>().ok()) else {
            continue;
        };
        for container in desired.containers.values().filter(|container| container.ipv4 == address) {
            let own = format!("/1.0/instances/{}", container.name);
            let in_project = format!("{own}?project={project}");
            if allocation.used_by != own && allocation.used_by != in_project {
                taken.insert(address, allocation.used_by.clone());
            }
        }
    }
    taken
}

async fn look(guests: &Guests, desired: &Desired, instance: Instance) -> (String, Part<Container>) {
    let status = match &instance.status {
        incus::Status::Running => Status::Running,
        incus::Status::Stopped => Status::Stopped,
        incus::Status::Frozen => Status::Frozen,
        other => Status::Other(other.to_string()),
    };
    let ledger = instance.config.get(DATA_KEY).map(|text| Ledger::parse(text)).unwrap_or_default();
    let guest = match status {
        Status::Running => look_inside(guests, desired, &instance.name, &ledger).await,
        _ => Part::Absent,
    };
    let disk_used = disks::used(guests, desired, &instance, &status).await;
    let config = instance.config.into_iter().filter(|(key, _)| !key.starts_with("volatile.")).collect();
    let devices = instance.devices;
    let inherited = instance.expanded_devices.into_iter().filter(|(name, _)| !devices.contains_key(name)).collect();
    (instance.name, Part::Present(Container { status, config, devices, inherited, disk_used, guest }))
}

async fn look_inside(guests: &Guests, desired: &Desired, container: &str, ledger: &Ledger) -> Part<Box<Inspection>> {
    let mut request = desired.containers.get(container).map(|wanted| questions(desired, wanted)).unwrap_or_default();
    ask_for_data(desired, ledger, &mut request);
    match guest::call(guests, container, &Request::Inspect(request), |_| {}).await {
        Ok(Reply::Inspection(seen)) => Part::Present(seen),
        Ok(_) => Part::Unreachable("its agent answered something else".to_string()),
        Err(error) => Part::Unreachable(guest::one_line(&error)),
    }
}

/// What one guest is asked.
fn questions(desired: &Desired, wanted: &desired::Container) -> InspectRequest {
    let mut paths: Vec<String> = wanted.all_files().map(|(path, _)| path.clone()).collect();
    paths.extend(wanted.releases.values().filter_map(|release| Some(release.init.as_ref()?.marker.clone())));
    let marked = desired.fragmented.values().filter(|one| one.marker.0 == wanted.name);
    paths.extend(marked.map(|one| one.marker.1.clone()));
    paths.extend(wanted.transitions.values().map(|transition| transition.keyfile.clone()));
    paths.extend(wanted.directories.iter().map(|directory| directory.path.clone()));
    let filled = wanted.all_files().filter_map(|(path, file)| match &file.content {
        Content::Filled(pieces) => Some((path.clone(), pieces.clone())),
        _ => None,
    });
    let services = wanted
        .releases
        .values()
        .filter_map(|release| Some(ServiceQuery { name: release.service.clone(), health: release.health.clone()? }));
    InspectRequest {
        paths,
        packages: wanted.packages.clone(),
        units: wanted.all_units().cloned().collect(),
        unit_prefixes: UNIT_PREFIXES.iter().map(ToString::to_string).collect(),
        mongods: mongods(desired, &wanted.name),
        filled: filled.collect(),
        services: services.collect(),
        trees: wanted.directories.iter().filter(|one| Path::new(&one.path).starts_with(DATA)).cloned().collect(),
    }
}

/// Asks for what a container says that it holds: data folders, mongods that are not declared any more, and copies of
/// secrets that others may need.
fn ask_for_data(desired: &Desired, ledger: &Ledger, request: &mut InspectRequest) {
    request.unit_prefixes = UNIT_PREFIXES.iter().map(ToString::to_string).collect();
    if ledger.0.is_empty() {
        return;
    }
    for lodging in &ledger.0 {
        request.paths.extend([lodging.path(), format!("{}/WiredTiger", lodging.path())]);
    }
    for lodging in ledger.0.iter().filter(|lodging| lodging.is_live()) {
        if !request.mongods.iter().any(|asked| asked.port == lodging.port) {
            let password_file = SecretName::password(&lodging.owner, AGENT_USER).use_path();
            let credential = Some(Credential { user: AGENT_USER.to_owned(), password_file });
            request.mongods.push(MongodQuery { port: lodging.port, credential, logins: Vec::new() });
        }
    }
    let files = desired.containers.values().flat_map(|container| container.files.values());
    let secrets: BTreeSet<&SecretName> = files
        .filter_map(|file| match &file.content {
            Content::Secret(name) if name.kind != SecretKind::Named => Some(name),
            _ => None,
        })
        .collect();
    request.paths.extend(secrets.into_iter().flat_map(|name| [name.store_path(), name.use_path()]));
    request.paths.sort_unstable();
    request.paths.dedup();
}

fn mongods(desired: &Desired, container: &str) -> Vec<MongodQuery> {
    // Also one that should ask nobody may still ask. Its guest has the passwords of all users; that of the agent is tried by
    // asking as the agent.
    let query = |mongod: &desired::Mongod, owner: &str, access: &Option<desired::Access>| {
        let agent = desired::keepers(owner).1;
        let others = access.iter().flat_map(|access| access.users.iter().map(|user| &user.credential));
        let logins = others.filter(|one| **one != agent).cloned().collect();
        let query = MongodQuery { port: mongod.port, credential: Some(agent), logins };
        (mongod.container == container).then_some(query)
    };
    let members =
        desired.replica_sets.values().flat_map(|set| set.members.iter().map(|one| query(one, &set.name, &set.access)));
    let singles = desired.standalones.values().map(|one| query(&one.mongod, &one.name, &one.access));
    members.chain(singles).flatten().collect()
}
