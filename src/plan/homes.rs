//! Where the data of each database lies now: which container, which folder, and what the mongod there says.
//!
//! The rule that is held here: a database that has data is never replaced by an empty one. What would do that is refused
//! before anything is touched.

use std::collections::BTreeSet;

use super::identity;
use super::order::Draft;
use crate::desired::{Container, DATA_KEY, Holds, INTERFACE, Ledger, Lodging, Mongod, OWNER_KEY};
use crate::observed::{self, Part};

/// The file that mongod makes in a folder when it first starts there.
pub(super) const USED: &str = "WiredTiger";

/// A data folder that was seen.
pub(super) struct Home<'a> {
    pub container: &'a str,
    pub lodging: Lodging,
    /// Whether a mongod ever ran in it; `None` where that can't be seen.
    pub used: Option<bool>,
    /// What the mongod on its port says.
    pub mongod: Option<&'a protocol::Mongod>,
    /// Whether its mongod has a unit; `None` where that can't be seen.
    pub has_unit: Option<bool>,
    /// `address:port` of that mongod, where the address is known.
    pub host: Option<String>,
}

impl Home<'_> {
    /// Whether there may be data.
    pub fn may_have_data(&self) -> bool {
        self.used != Some(false)
    }

    /// The folder and its container, for messages.
    pub fn place(&self) -> String {
        format!("{} ({})", self.container, self.lodging.path())
    }

    /// Its mongod, as if it were declared.
    pub fn process(&self) -> Option<Mongod> {
        let host = self.host.as_ref()?;
        let address = host.split(':').next()?.parse().ok()?;
        Some(Mongod::new(self.container, address, self.lodging.port, self.lodging.path()))
    }
}

/// What a container of the topology says of its data folders; `None` where it says nothing.
pub(super) fn ledger(seen: &observed::Container) -> Option<Ledger> {
    seen.config.get(DATA_KEY).map(|text| Ledger::parse(text))
}

/// The topology's containers that are there; copies that somebody made hold nothing that counts.
pub(super) fn ours<'a>(draft: &Draft<'a>) -> impl Iterator<Item = (&'a str, &'a observed::Container)> + use<'a> {
    let (observed, desired) = (draft.observed, draft.desired);
    observed.containers.iter().filter_map(move |(container, part)| {
        let seen = part.seen().filter(|seen| seen.config.get(OWNER_KEY) == Some(&desired.name))?;
        (!identity::is_a_copy(desired, observed, container, seen)).then_some((container.as_str(), seen))
    })
}

/// The folders of a database wherever they are, those that members have left included.
pub(super) fn of<'a>(draft: &Draft<'a>, owner: &str) -> Vec<Home<'a>> {
    all(draft).into_iter().filter(|home| home.lodging.owner == owner).collect()
}

/// All data folders that containers of the topology tell of.
pub(super) fn all<'a>(draft: &Draft<'a>) -> Vec<Home<'a>> {
    let mut homes = Vec::new();
    for (container, seen) in ours(draft) {
        let ledger = ledger(seen).unwrap_or_default();
        for lodging in &ledger.0 {
            homes.push(home(draft, container, seen, lodging, &ledger));
        }
    }
    homes
}

fn home<'a>(
    draft: &Draft<'a>,
    container: &'a str,
    seen: &'a observed::Container,
    lodging: &Lodging,
    ledger: &Ledger,
) -> Home<'a> {
    let guest = seen.guest.seen();
    let file = format!("{}/{USED}", lodging.path());
    let address = seen.devices.get(INTERFACE).and_then(|nic| nic.get("ipv4.address"));
    let unit = format!("mongod-{}.service", lodging.port);
    let has_port = has_port(draft, container, lodging, ledger);
    Home {
        container,
        used: guest.map(|guest| guest.paths.contains_key(&file)),
        mongod: guest.filter(|_| has_port).and_then(|guest| guest.mongods.get(&lodging.port)?.as_ref().ok()),
        has_unit: guest.map(|guest| has_port && guest.unit_files.contains(&unit)),
        host: address.map(|address| format!("{address}:{}", lodging.port)),
        lodging: lodging.clone(),
    }
}

/// Whether the mongod on a folder's port is the one of the folder: a database that is not declared any more may have had
/// the port before.
fn has_port(draft: &Draft<'_>, container: &str, lodging: &Lodging, ledger: &Ledger) -> bool {
    let rivals = ledger.0.iter().filter(|one| one.is_live() && one.port == lodging.port && *one != lodging);
    let is_declared = |one: &Lodging| {
        // One that still waits for the port does not have it.
        let waits = |mongod: &Mongod| draft.held.contains(&(mongod.container.clone(), mongod.unit.clone()));
        let mut processes = processes(draft).into_iter();
        processes.any(|(_, _, one_of)| one_of.container == container && one_of.data == one.path() && !waits(one_of))
    };
    lodging.is_live() && (is_declared(lodging) || !rivals.into_iter().any(is_declared))
}

/// Members of a set that are not declared any more, with what they say.
pub(super) fn residents<'a>(draft: &Draft<'a>, set: &str) -> Vec<(Mongod, &'a protocol::Mongod)> {
    let declared: BTreeSet<(&str, &str)> =
        processes(draft).into_iter().map(|(_, _, one)| (one.container.as_str(), one.data.as_str())).collect();
    of(draft, set)
        .into_iter()
        .filter(|home| !declared.contains(&(home.container, home.lodging.path().as_str())))
        .filter_map(|home| Some((home.process()?, home.mongod?)))
        .filter(|(_, seen)| seen.set_name.as_deref() == Some(set))
        .collect()
}

/// All mongods that are declared, with whose they are.
pub(super) fn processes<'a>(draft: &Draft<'a>) -> Vec<(&'a str, Holds, &'a Mongod)> {
    let desired = draft.desired;
    let members = desired
        .replica_sets
        .values()
        .flat_map(|set| set.members.iter().map(|member| (set.name.as_str(), Holds::Member, member)));
    let singles = desired.standalones.values().map(|one| (one.name.as_str(), Holds::Standalone, &one.mongod));
    members.chain(singles).collect()
}

/// Whether a database may have data somewhere.
pub(super) fn has_data(draft: &Draft<'_>, owner: &str) -> bool {
    of(draft, owner).iter().any(|home| home.lodging.is_live() && home.may_have_data())
}

/// What a container is to say of its folders: those of declared mongods, and those that it has besides.
pub(super) fn wanted_ledger(draft: &Draft<'_>, container: &Container, seen: &observed::Container) -> Ledger {
    // Who waits for a port has what it had until then.
    let is_held = |one: &Mongod| draft.held.contains(&(one.container.clone(), one.unit.clone()));
    let here = |one: &Mongod| one.container == container.name && !is_held(one);
    let declared = processes(draft).into_iter().filter(|(_, _, mongod)| here(mongod));
    let before = ledger(seen).unwrap_or_default();
    let mut all: Vec<Lodging> = declared
        .filter_map(|(owner, holds, mongod)| lodging(owner, holds, mongod))
        .map(|one| born(seen, &before, one))
        .collect();
    for one in before.0 {
        if !all.iter().any(|given| given.folder == one.folder) {
            all.push(one);
        }
    }
    all.sort();
    let left = draft.left.iter().filter(|(name, _)| *name == container.name);
    left.fold(Ledger(all), |ledger, (_, folder)| ledger.without(folder))
}

fn lodging(owner: &str, holds: Holds, mongod: &Mongod) -> Option<Lodging> {
    let (_, folder) = mongod.data.rsplit_once('/')?;
    Some(Lodging { folder: folder.to_owned(), holds, owner: owner.to_owned(), port: mongod.port })
}

/// A single mongod that is to become a set is one until its set has begun: that tells with whose data it begins.
fn born(seen: &observed::Container, before: &Ledger, one: Lodging) -> Lodging {
    let was_single = before.0.iter().any(|known| known.folder == one.folder && known.holds == Holds::Standalone);
    let mongod = seen.guest.seen().and_then(|guest| guest.mongods.get(&one.port)?.as_ref().ok());
    let has_begun = mongod.is_some_and(|mongod| mongod.set_name.as_ref() == Some(&one.owner));
    match was_single && !has_begun {
        true => Lodging { holds: Holds::Standalone, ..one },
        false => one,
    }
}

/// The databases that a container has live data of.
pub(super) fn live_owners(draft: &Draft<'_>, container: &str) -> Vec<String> {
    let seen = draft.observed.containers.get(container).and_then(Part::seen);
    let ledger = seen.and_then(ledger).unwrap_or_default();
    let owners: BTreeSet<String> = ledger.0.iter().filter(|one| one.is_live()).map(|one| one.owner.clone()).collect();
    owners.into_iter().collect()
}

/// Declared containers that don't run and may have data: until they have been looked into, nothing else may be decided.
pub(super) fn asleep(draft: &Draft<'_>) -> BTreeSet<String> {
    let may_have_data = |seen: &observed::Container| {
        let is_still = matches!(seen.status, observed::Status::Stopped | observed::Status::Frozen);
        is_still && ledger(seen).is_none_or(|ledger| ledger.0.iter().any(Lodging::is_live))
    };
    ours(draft)
        .filter(|(name, seen)| draft.desired.containers.contains_key(*name) && may_have_data(seen))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Whether a declared set counts on the mongod of a folder, or may: it does not where its primary's configuration was seen
/// without it.
pub(super) fn is_counted(draft: &Draft<'_>, lodging: Option<&Lodging>, host: Option<&str>) -> bool {
    let sets = &draft.desired.replica_sets;
    let names_it = || host.and_then(|host| counted_by(draft, host)).is_some_and(|set| sets.contains_key(set));
    let is_unknown = || {
        let owner = lodging.filter(|one| one.holds == Holds::Member).map(|one| &one.owner);
        owner.is_some_and(|owner| sets.contains_key(owner) && !has_primary(draft, owner))
    };
    names_it() || is_unknown()
}

/// Whether a set's primary was seen with its configuration.
fn has_primary(draft: &Draft<'_>, set: &str) -> bool {
    let guests = draft.observed.containers.values().filter_map(|part| part.seen()?.guest.seen());
    guests
        .flat_map(|guest| guest.mongods.values().flatten())
        .any(|mongod| mongod.writable && mongod.config.as_ref().is_some_and(|config| config.name == set))
}

/// The set that still counts on a mongod: the configuration of its primary names it.
fn counted_by<'a>(draft: &Draft<'a>, host: &str) -> Option<&'a str> {
    let mongods = draft.observed.containers.values().filter_map(Part::seen).filter_map(|seen| seen.guest.seen());
    let mongods: Vec<&protocol::Mongod> = mongods.flat_map(|guest| guest.mongods.values().flatten()).collect();
    let sets: BTreeSet<&str> = mongods.iter().filter_map(|seen| Some(seen.config.as_ref()?.name.as_str())).collect();
    sets.into_iter().find(|set| {
        let of_set = || mongods.iter().filter(|seen| seen.config.as_ref().is_some_and(|config| config.name == *set));
        let newest = of_set().max_by_key(|seen| (seen.writable, seen.config.as_ref().map(|config| config.version)));
        let config = newest.and_then(|seen| seen.config.as_ref());
        config.is_some_and(|config| config.members.iter().any(|member| member.host == host))
    })
}
