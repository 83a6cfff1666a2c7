//! The text of a topology for another place: other files, names, addresses.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{At, Span, Topology};

/// What is to be another in the place where a topology moves to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The topology's name.
    pub name: Option<String>,
    /// The bridge's name.
    pub network: Option<String>,
    /// The network; the containers keep their places in it.
    pub subnet: Option<Ipv4Net>,
    /// The storage pool.
    pub pool: Option<String>,
    /// Addresses that the host listens on: old to new.
    pub listen: Vec<(String, String)>,
    /// Containers, replica sets and single mongods: old names to new ones.
    pub names: Vec<(String, String)>,
}

impl Topology {
    /// The files of this host that it names, each where it stands in the text.
    pub fn host_files(&self) -> Vec<&At<String>> {
        let artifacts = self.artifacts.iter().filter_map(|(_, artifact)| artifact.path.as_ref());
        let services = self.services.iter().flat_map(|(_, service)| {
            let binary = service.binary.iter().filter(|binary| !self.artifacts.declares(binary));
            let files = service.files.iter().flat_map(|(_, file)| file.source.iter().chain(&file.template));
            binary.chain(files)
        });
        artifacts.chain(services).collect()
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.origin.text
    }

    /// The text with other paths in the places of some.
    pub fn with_files(&self, paths: &[(Span, String)]) -> String {
        edited(self.text(), paths.iter().map(|(span, path)| (*span, quoted(path))).collect())
    }

    /// The text for another place. Addresses of containers are changed wherever they stand.
    ///
    /// # Errors
    /// What can't be changed, in a sentence.
    pub fn with_changes(&self, changes: &Changes) -> Result<String, String> {
        let mut edits: Vec<(Span, String)> = Vec::new();
        edits.extend(changes.name.iter().map(|name| (self.name.span, quoted(name))));
        edits.extend(changes.network.iter().map(|name| (self.network.name.span, quoted(name))));
        for (old, new) in &changes.listen {
            let exposed = self.expose.iter().find(|(_, exposed)| exposed.listen.value == *old);
            let Some((_, exposed)) = exposed else { return Err(format!("nothing listens on {old}")) };
            edits.push((exposed.listen.span, quoted(new)));
        }
        for (old, new) in &changes.names {
            let has = |declares: &dyn Fn(&str) -> bool| declares(old) && declares(new);
            let is_taken = has(&|name| self.containers.declares(name)) || has(&|name| self.mongodb.declares(name));
            if is_taken && !changes.names.iter().any(|(other, _)| other == new) {
                return Err(format!("{old} can't be called {new}, which is the name of another"));
            }
            edits.extend(self.renamed(old, new)?);
        }
        if let Some(subnet) = changes.subnet {
            edits.extend(self.readdressed(subnet)?);
        }
        let mut text = edited(self.text(), edits);
        if let Some(pool) = &changes.pool {
            text = self.with_pool(text, pool)?;
        }
        Ok(text)
    }

    /// All edits that give a network's addresses another beginning.
    fn readdressed(&self, subnet: Ipv4Net) -> Result<Vec<(Span, String)>, String> {
        let old = self.network.ipv4.value;
        let moved = |address: Ipv4Addr| moved(address, old, subnet);
        let gateway = moved(old.addr())?;
        let whole = self.network.ipv4.span;
        let mut known = vec![(old.addr(), gateway)];
        for (_, container) in self.containers.iter() {
            known.push((container.ipv4.value, moved(container.ipv4.value)?));
        }
        let literals = addresses(self.text()).filter(|(span, _)| !whole.holds(*span));
        let mut edits: Vec<(Span, String)> = literals
            .filter_map(|(span, address)| {
                let (_, new) = known.iter().find(|(old, _)| *old == address)?;
                Some((span, new.to_string()))
            })
            .collect();
        edits.push((whole, format!("{gateway}/{}", subnet.prefix_len())));
        Ok(edits)
    }

    fn with_pool(&self, text: String, pool: &str) -> Result<String, String> {
        match &self.storage {
            None => Ok(format!("{}\nstorage: {{ pool: {} }}\n", text.trim_end(), quoted(pool))),
            // Other edits have moved what comes after them, so the place is looked for again.
            Some(_) => {
                let again =
                    super::parse(&text, &self.origin.file).map_err(|_| "its storage can't be changed".to_owned())?;
                let span = again.storage.as_ref().map(|storage| storage.pool.span).unwrap_or_default();
                Ok(edited(&text, vec![(span, quoted(pool))]))
            }
        }
    }
}

/// The same place in another network.
fn moved(address: Ipv4Addr, from: Ipv4Net, to: Ipv4Net) -> Result<Ipv4Addr, String> {
    let place = u32::from(address) - u32::from(from.network());
    let new = Ipv4Addr::from(u32::from(to.network()).wrapping_add(place));
    let is_host = to.contains(&new) && new != to.network() && new != to.broadcast();
    is_host.then_some(new).ok_or_else(|| format!("{address} has no place in {to}: {} is larger", from.trunc()))
}

/// All IPv4 addresses in a text, with their places.
fn addresses(text: &str) -> impl Iterator<Item = (Span, Ipv4Addr)> {
    let is_part = |letter: char| letter.is_ascii_digit() || letter == '.';
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find(is_part)?;
            let length = text[start..].find(|letter| !is_part(letter)).unwrap_or(text.len() - start);
            at = start + length;
            if let Ok(address) = text[start..at].trim_end_matches('.').parse() {
                let end = start + text[start..at].trim_end_matches('.').len();
                return Some((Span { start, end, ..Span::default() }, address));
            }
        }
    })
}

/// A text with other texts in some places; where a place is named twice, the first counts.
fn edited(text: &str, mut edits: Vec<(Span, String)>) -> String {
    edits.sort_by_key(|(span, _)| span.start);
    edits.dedup_by_key(|(span, _)| span.start);
    let mut edited = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in edits {
        edited.push_str(&text[at..span.start]);
        edited.push_str(&new);
        at = span.end;
    }
    edited.push_str(&text[at..]);
    edited
}

/// A text as a quoted YAML scalar, which is a JSON one.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::topology::parse;

    const TEXT: &str = "\
name: shop # at 10.1.0.1
network: { name: shopbr0, ipv4: 10.1.0.1/24 }
artifacts: { mongod: { path: 'bin/mongod' } }
containers:
  web: { ipv4: 10.1.0.11 }
  db: { ipv4: \"10.1.0.12\" }
services:
  web:
    container: web
    binary: bin/web
    environment: { DB: \"mongodb://10.1.0.12:27017,10.1.0.120\", VERSION: \"1.2.3\" }
    files: { /etc/a: { source: ../a } }
expose: { web: { listen: \"127.0.0.1:3000\", to: \"web:3000\" } }
";

    fn topology() -> Topology {
        parse(TEXT, Path::new("topology.yaml")).expect("a topology")
    }

    #[test]
    fn files_are_found_and_put_elsewhere() {
        let topology = topology();
        let files = topology.host_files();
        assert_eq!(files.iter().map(|file| file.value.as_str()).collect::<Vec<_>>(), ["bin/mongod", "bin/web", "../a"]);
        let paths: Vec<_> = files.iter().enumerate().map(|(at, file)| (file.span, format!("files/{at}"))).collect();
        let moved = parse(&topology.with_files(&paths), Path::new("topology.yaml")).expect("a topology");
        let files: Vec<_> = moved.host_files().into_iter().map(|file| file.value.clone()).collect();
        assert_eq!(files, ["files/0", "files/1", "files/2"]);
    }

    #[test]
    fn another_name_network_and_pool() {
        let changes = Changes {
            name: Some("copy".into()),
            network: Some("copybr0".into()),
            subnet: Some("10.2.8.0/24".parse().expect("a network")),
            pool: Some("fast".into()),
            listen: vec![("127.0.0.1:3000".into(), "127.0.0.1:3001".into())],
            names: Vec::new(),
        };
        let text = topology().with_changes(&changes).expect("it can be moved");
        assert_eq!(
            text,
            "\
name: \"copy\" # at 10.2.8.1
network: { name: \"copybr0\", ipv4: 10.2.8.1/24 }
artifacts: { mongod: { path: 'bin/mongod' } }
containers:
  web: { ipv4: 10.2.8.11 }
  db: { ipv4: \"10.2.8.12\" }
services:
  web:
    container: web
    binary: bin/web
    environment: { DB: \"mongodb://10.2.8.12:27017,10.1.0.120\", VERSION: \"1.2.3\" }
    files: { /etc/a: { source: ../a } }
expose: { web: { listen: \"127.0.0.1:3001\", to: \"web:3000\" } }
storage: { pool: \"fast\" }
"
        );
        let again = parse(&text, Path::new("topology.yaml")).expect("a topology");
        let other = Changes { pool: Some("slow".into()), ..Changes::default() };
        let text = again.with_changes(&other).expect("it can be moved");
        assert!(text.ends_with("storage: { pool: \"slow\" }\n"));
    }

    #[test]
    fn a_network_that_is_too_small_is_refused() {
        let changes = Changes { subnet: "10.2.8.0/29".parse().ok(), ..Changes::default() };
        assert_eq!(
            topology().with_changes(&changes),
            Err("10.1.0.12 has no place in 10.2.8.0/29: 10.1.0.0/24 is larger".into())
        );
    }
}
