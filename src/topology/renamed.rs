//! Other names for containers, replica sets and single mongods, wherever a topology names them.

use super::moved::quoted;
use super::{Reference, Span, Topology, references};

/// A place in the text, and what is to stand there.
type Edit = (Span, String);

impl Topology {
    /// All edits that give something another name.
    pub(super) fn renamed(&self, old: &str, new: &str) -> Result<Vec<Edit>, String> {
        match (self.containers.declares(old), self.mongodb.declares(old)) {
            (true, false) => Ok(self.renamed_container(old, new)),
            (false, true) => Ok(self.renamed_database(old, new)),
            (true, true) => Err(format!("{old} is the name of a container and of a database: which of them?")),
            (false, false) => {
                let containers = self.containers.declared().map(|(name, _)| name);
                let known: Vec<&str> = containers.chain(self.mongodb.names()).collect();
                Err(format!("there is no container, replica set or mongod {old}; there are {}", known.join(", ")))
            }
        }
    }

    fn renamed_database(&self, old: &str, new: &str) -> Vec<Edit> {
        let keys = [self.mongodb.replica_sets.span(old), self.mongodb.standalone.span(old)];
        let fragments =
            self.fragmentation.iter().flat_map(|(_, spread)| &spread.fragments).map(|fragment| &fragment.on);
        let needed = self.services.iter().flat_map(|(_, service)| &service.depends_on);
        let named = fragments.chain(needed).filter(|name| name.value == old).map(|name| name.span);
        let places = keys.into_iter().filter(|span| span.line > 0).chain(named);
        let mut edits: Vec<Edit> = places.map(|span| (span, quoted(new))).collect();
        let is_meant = |reference: &Reference| matches!(reference, Reference::MongoUri { name, .. } if name == old);
        edits.extend(self.in_references("mongodb.", old, new, is_meant));
        edits
    }

    fn renamed_container(&self, old: &str, new: &str) -> Vec<Edit> {
        let mongods = self.mongodb.mongods().map(|(_, container, _)| container);
        let services = self.services.iter().flat_map(|(_, service)| &service.container);
        let named = mongods.chain(services).filter(|name| name.value == old).map(|name| name.span);
        let mut edits: Vec<Edit> =
            std::iter::once(self.containers.span(old)).chain(named).map(|span| (span, quoted(new))).collect();
        for (_, exposed) in self.expose.iter() {
            if let Some((_, port)) = exposed.to.value.split_once(':').filter(|(container, _)| *container == old) {
                edits.push((exposed.to.span, quoted(&format!("{new}:{port}"))));
            }
        }
        let is_meant = |reference: &Reference| matches!(reference, Reference::Address(name) if name == old);
        edits.extend(self.in_references("containers.", old, new, is_meant));
        edits.extend(self.in_urls(old, new));
        edits
    }

    /// The name in `{{ ... }}`.
    fn in_references(&self, before: &str, old: &str, new: &str, is_meant: impl Fn(&Reference) -> bool) -> Vec<Edit> {
        let meant = references(self.text()).into_iter().flatten().filter(|(_, reference)| is_meant(reference));
        let place = |range: std::ops::Range<usize>| {
            let at = self.text()[range.clone()].find(&format!("{before}{old}."))?;
            Some((at_bytes(range.start + at + before.len(), old), new.to_owned()))
        };
        meant.filter_map(|(range, _)| place(range)).collect()
    }

    /// The name as the host of a URL: containers know each other by their names.
    fn in_urls(&self, old: &str, new: &str) -> Vec<Edit> {
        let host = format!("//{old}");
        let found = self.text().match_indices(&host).filter(|(at, _)| {
            let next = self.text()[at + host.len()..].chars().next();
            next.is_none_or(|next| !next.is_ascii_alphanumeric() && !"-_.".contains(next))
        });
        found.map(|(at, _)| (at_bytes(at + 2, old), new.to_owned())).collect()
    }
}

fn at_bytes(start: usize, old: &str) -> Span {
    Span { start, end: start + old.len(), ..Span::default() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::topology::{Changes, parse};

    #[test]
    fn a_set_has_its_new_name_wherever_it_is_named() {
        let text = "\
name: shop
network: { name: shopbr0, ipv4: 10.1.0.1/24 }
containers: { a: { ipv4: 10.1.0.11 } }
mongodb:
  binary: /usr/bin/mongod
  replica_sets:
    rsA: { members: [{ container: a, port: 27017 }] } # rsA
    rsAB: { members: [{ container: a, port: 27018 }] }
services:
  web:
    container: a
    command: web
    environment: { ONE: \"{{ mongodb.rsA.uri(db='rsA') }}\", TWO: \"{{mongodb.rsAB.uri(db='x')}}\" }
    depends_on: [rsA, rsAB]
fragmentation:
  all: { collection: x.all, key: name, fragments: [{ range: A-Z, on: rsA, default: true }] }
";
        let topology = parse(text, Path::new("topology.yaml")).expect("a topology");
        let renamed = |old: &str| {
            let names = vec![(old.to_owned(), "rsX".to_owned())];
            topology.with_changes(&Changes { names, ..Changes::default() })
        };
        let expected = text
            .replace("    rsA: {", "    \"rsX\": {")
            .replace("mongodb.rsA.", "mongodb.rsX.")
            .replace("[rsA, rsAB]", "[\"rsX\", rsAB]")
            .replace("on: rsA,", "on: \"rsX\",");
        assert_eq!(renamed("rsA"), Ok(expected));
        assert_eq!(
            renamed("rsC"),
            Err("there is no container, replica set or mongod rsC; there are a, rsA, rsAB".into())
        );
        let changed = |names: &[(&str, &str)]| {
            let names = names.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
            topology.with_changes(&Changes { names, ..Changes::default() })
        };
        assert_eq!(changed(&[("rsA", "rsAB")]), Err("rsA can't be called rsAB, which is the name of another".into()));
        assert!(changed(&[("rsA", "rsAB"), ("rsAB", "rsA")]).is_ok(), "they change places");
    }

    #[test]
    fn a_container_has_its_new_name_wherever_it_is_named() {
        let text = "\
name: shop
network: { name: shopbr0, ipv4: 10.1.0.1/24 }
containers: { web: { ipv4: 10.1.0.11 }, web-two: { ipv4: 10.1.0.12 } }
mongodb:
  binary: /usr/bin/mongod
  standalone:
    one: { container: web, port: 27017 }
services:
  web:
    container: [web, web-two]
    command: web
    environment: { A: \"{{ containers.web.ipv4 }} web\", B: \"http://web:80/web http://web-two/\" }
expose: { web: { listen: \"127.0.0.1:3000\", to: \"web:3000\" } }
";
        let topology = parse(text, Path::new("topology.yaml")).expect("a topology");
        let names = vec![("web".to_owned(), "shop-web".to_owned())];
        let expected = text
            .replace("{ web: { ipv4", "{ \"shop-web\": { ipv4")
            .replace("container: web,", "container: \"shop-web\",")
            .replace("[web, web-two]", "[\"shop-web\", web-two]")
            .replace("containers.web.ipv4", "containers.shop-web.ipv4")
            .replace("http://web:80/web", "http://shop-web:80/web")
            .replace("\"web:3000\"", "\"shop-web:3000\"");
        assert_eq!(topology.with_changes(&Changes { names, ..Changes::default() }), Ok(expected));
    }
}
