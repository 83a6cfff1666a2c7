//! Where data lies: which folder of a container belongs to which database.
//!
//! Each container carries a key in Incus that says so, [`DATA_KEY`]. It is written before there is data, can be read
//! when the container is stopped, and travels with the container. A folder keeps its name for as long as there is data
//! in it: a database that gets another port takes its folder along.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The key of a container that tells what its data folders hold; its value is a [`Ledger`].
pub const DATA_KEY: &str = "user.distctl.data";

/// The folder of all data folders.
pub const DATA: &str = "/var/lib/mongodb";

/// What a container without any data folder has for [`DATA_KEY`].
const NOTHING: &str = "-";

/// What a data folder is to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// The data of a single mongod.
    Standalone,
    /// The data of a member of a replica set.
    Member,
    /// What a member had when it left its set: old, and never started again.
    Left,
}

/// One data folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lodging {
    /// Its name below [`DATA`].
    pub folder: String,
    /// What it holds.
    pub holds: Holds,
    /// The set or standalone that it belongs to.
    pub owner: String,
    /// The port of the mongod that uses it, or did last.
    pub port: u16,
}

impl Lodging {
    /// Its absolute path.
    pub fn path(&self) -> String {
        format!("{DATA}/{}", self.folder)
    }

    /// Whether a mongod may be started in it.
    pub fn is_live(&self) -> bool {
        self.holds != Holds::Left
    }
}

/// The data folders of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(pub Vec<Lodging>);

impl Ledger {
    /// Reads the value of [`DATA_KEY`]; what is not understood is left out.
    pub fn parse(text: &str) -> Self {
        Self(text.split_whitespace().filter_map(lodging).collect())
    }

    /// The live folder of a port.
    pub fn at(&self, port: u16) -> Option<&Lodging> {
        self.0.iter().find(|one| one.is_live() && one.port == port)
    }

    /// The folders of a database, live or not.
    pub fn of<'l>(&'l self, owner: &'l str) -> impl Iterator<Item = &'l Lodging> {
        self.0.iter().filter(move |one| one.owner == owner)
    }

    /// The same with a folder that its member has left.
    #[must_use]
    pub fn without(&self, folder: &str) -> Self {
        let left = |one: &Lodging| match one.folder == folder {
            true => Lodging { holds: Holds::Left, ..one.clone() },
            false => one.clone(),
        };
        Self(self.0.iter().map(left).collect())
    }
}

fn lodging(text: &str) -> Option<Lodging> {
    let (folder, rest) = text.split_once('=')?;
    let (holds, rest) = rest.split_once('/')?;
    let (owner, port) = rest.rsplit_once(':')?;
    let holds = match holds {
        "standalone" => Holds::Standalone,
        "member" => Holds::Member,
        "left" => Holds::Left,
        _ => return None,
    };
    // The folder becomes part of a path.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if folder.is_empty() || folder.starts_with('.') || !folder.bytes().all(is_plain) {
        return None;
    }
    Some(Lodging { folder: folder.to_owned(), holds, owner: owner.to_owned(), port: port.parse().ok()? })
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |holds| match holds {
            Holds::Standalone => "standalone",
            Holds::Member => "member",
            Holds::Left => "left",
        };
        let entry = |one: &Lodging| format!("{}={}/{}:{}", one.folder, word(one.holds), one.owner, one.port);
        match self.0.is_empty() {
            true => f.write_str(NOTHING),
            false => f.write_str(&self.0.iter().map(entry).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// What the containers of a topology that are there say of their data folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, Option<Ledger>>);

impl Places {
    /// Notes what a container says; `None` where it has no [`DATA_KEY`], for it was made before there was one.
    pub fn insert(&mut self, container: &str, value: Option<&str>) {
        self.0.insert(container.to_owned(), value.map(Ledger::parse));
    }

    /// Takes over what others say of the same containers.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The same with other names for databases.
    #[must_use]
    pub fn with_owners(mut self, names: &BTreeMap<String, String>) -> Self {
        for one in self.0.values_mut().flatten().flat_map(|ledger| &mut ledger.0) {
            if let Some(name) = names.get(&one.owner) {
                one.owner.clone_from(name);
            }
        }
        self
    }

    /// Begins to give each mongod of a topology its folder.
    pub(super) fn assign(&self) -> Assignment<'_> {
        Assignment { places: self, given: BTreeMap::new() }
    }
}

/// Which folders mongods get.
pub(super) struct Assignment<'p> {
    places: &'p Places,
    given: BTreeMap<String, Vec<Lodging>>,
}

impl Assignment<'_> {
    /// Gives the mongods of one database in one container, by port, their folders: the ones that they have, or new ones.
    pub fn give(&mut self, container: &str, owner: &str, holds: Holds, ports: &[u16]) -> BTreeMap<u16, String> {
        let known = self.places.0.get(container);
        let ledger = known.and_then(Option::as_ref).cloned().unwrap_or_default();
        let mut folders: BTreeMap<u16, String> = BTreeMap::new();
        for one in ledger.of(owner).filter(|one| one.is_live() && ports.contains(&one.port)) {
            folders.entry(one.port).or_insert_with(|| one.folder.clone());
        }
        // A single mongod's data goes with it to another port, and into a set.
        let mut alone: Vec<&Lodging> = ledger.of(owner).filter(|one| one.holds == Holds::Standalone).collect();
        alone.retain(|one| !folders.values().any(|folder| *folder == one.folder));
        for port in ports {
            if !folders.contains_key(port) {
                let folder = match alone.is_empty() {
                    false => alone.remove(0).folder.clone(),
                    // One that was made before there was a ledger calls folders after ports.
                    true if known == Some(&None) => port.to_string(),
                    true => self.new_folder(container, &ledger, owner, holds, &folders),
                };
                folders.insert(*port, folder);
            }
        }
        let given = self.given.entry(container.to_owned()).or_default();
        given.extend(folders.iter().map(|(port, folder)| Lodging {
            folder: folder.clone(),
            holds,
            owner: owner.to_owned(),
            port: *port,
        }));
        folders
    }

    fn new_folder(
        &self,
        container: &str,
        ledger: &Ledger,
        owner: &str,
        holds: Holds,
        own: &BTreeMap<u16, String>,
    ) -> String {
        let given = self.given.get(container).into_iter().flatten().chain(&ledger.0).map(|one| &one.folder);
        let taken: BTreeSet<&String> = given.chain(own.values()).collect();
        let plain = (holds == Holds::Standalone).then(|| owner.to_owned());
        let numbered = (1_u32..).map(|number| format!("{owner}.{number}"));
        plain.into_iter().chain(numbered).find(|name| !taken.contains(name)).unwrap_or_else(|| owner.to_owned())
    }

    /// What a container is to say of its folders: those given, and those that are there besides.
    pub fn ledger(&self, container: &str) -> Ledger {
        let mut all: Vec<Lodging> = self.given.get(container).cloned().unwrap_or_default();
        let before = self.places.0.get(container).and_then(Option::as_ref);
        for one in before.into_iter().flat_map(|ledger| &ledger.0) {
            if !all.iter().any(|given| given.folder == one.folder) {
                all.push(one.clone());
            }
        }
        all.sort();
        Ledger(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(value: Option<&str>) -> Places {
        let mut places = Places::default();
        places.insert("db", value);
        places
    }

    #[test]
    fn a_ledger_is_written_as_it_is_read() {
        let text = "27018=left/rsA:27018 rsA.1=member/rsA:27017 users=standalone/users:27019";
        assert_eq!(Ledger::parse(text).to_string(), text);
        assert_eq!(Ledger::parse("-").to_string(), "-");
        assert_eq!(Ledger::parse("../x=member/rsA:1 a/b=member/rsA:1 x=member/rsA nonsense"), Ledger::default());
    }

    #[test]
    fn new_folders_are_named_after_their_database() {
        let places = Places::default();
        let mut assignment = places.assign();
        let set = assignment.give("db", "rsA", Holds::Member, &[27017, 27018]);
        assert_eq!(set, [(27017, "rsA.1".to_owned()), (27018, "rsA.2".to_owned())].into());
        assert_eq!(assignment.give("db", "users", Holds::Standalone, &[27019])[&27019], "users");
        assert_eq!(
            assignment.ledger("db").to_string(),
            "rsA.1=member/rsA:27017 rsA.2=member/rsA:27018 users=standalone/users:27019"
        );
        assert_eq!(assignment.ledger("web").to_string(), "-");
    }

    #[test]
    fn folders_of_a_system_without_a_ledger_are_named_after_ports() {
        let places = places(None);
        let mut assignment = places.assign();
        assert_eq!(assignment.give("db", "rsA", Holds::Member, &[27017])[&27017], "27017");
    }

    #[test]
    fn a_single_mongods_folder_goes_with_it_to_another_port_and_into_a_set() {
        let places = places(Some("27017=standalone/users:27017"));
        assert_eq!(places.assign().give("db", "users", Holds::Standalone, &[27020])[&27020], "27017");
        let set = places.assign().give("db", "users", Holds::Member, &[27020, 27021]);
        assert_eq!(set, [(27020, "27017".to_owned()), (27021, "users.1".to_owned())].into());
        let exact = places.assign().give("db", "users", Holds::Member, &[27016, 27017]);
        assert_eq!(exact, [(27016, "users.1".to_owned()), (27017, "27017".to_owned())].into());
    }

    #[test]
    fn a_member_on_another_port_is_a_new_one_and_what_it_had_stays() {
        let places = places(Some("rsA.1=member/rsA:27017 rsA.2=left/rsA:27018"));
        let mut assignment = places.assign();
        assert_eq!(assignment.give("db", "rsA", Holds::Member, &[27018])[&27018], "rsA.3");
        assert_eq!(
            assignment.ledger("db").to_string(),
            "rsA.1=member/rsA:27017 rsA.2=left/rsA:27018 rsA.3=member/rsA:27018"
        );
    }
}
