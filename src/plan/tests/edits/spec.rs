//! Topologies with databases, and random edits of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rand::Rng;
use rand::seq::IteratorRandom as _;
use rand_chacha::ChaCha8Rng;

/// The databases of a topology and where they are: what people edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The last number of each container's address.
    pub containers: BTreeMap<String, u8>,
    /// Members with their priorities.
    pub sets: BTreeMap<String, Vec<Place>>,
    pub singles: BTreeMap<String, Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub container: String,
    pub port: u16,
    pub priority: u8,
}

const PORTS: std::ops::Range<u16> = 27017..27022;

impl Spec {
    /// Some valid topology.
    pub fn random(random: &mut ChaCha8Rng) -> Self {
        let containers = (1..=random.random_range(2..5)).map(|number| (format!("c{number}"), 10 + number)).collect();
        let mut spec = Self { containers, sets: BTreeMap::new(), singles: BTreeMap::new() };
        for number in 1..=random.random_range(1..3) {
            let count = [1, 3, 3, 3, 5, 7][random.random_range(0..6)];
            let members = (0..count).filter_map(|_| spec.free_place(random)).collect::<Vec<_>>();
            let members = distinct(members);
            if !members.is_empty() {
                spec.sets.insert(format!("rs{number}"), members);
            }
        }
        for number in 1..=random.random_range(1..3) {
            if let Some(place) = spec.free_place(random) {
                spec.singles.insert(format!("one{number}"), place);
            }
        }
        spec
    }

    pub fn text(&self) -> String {
        let mut text = String::from("name: t\nnetwork: { name: t0, ipv4: 10.99.0.1/24 }\ncontainers:\n");
        for (name, octet) in &self.containers {
            writeln!(text, "  {name}: {{ ipv4: 10.99.0.{octet} }}").unwrap();
        }
        text += "mongodb:\n  binary: /usr/bin/mongod\n";
        if !self.sets.is_empty() {
            text += "  replica_sets:\n";
        }
        for (name, members) in &self.sets {
            writeln!(text, "    {name}:\n      members:").unwrap();
            for Place { container, port, priority } in members {
                writeln!(text, "        - {{ container: {container}, port: {port}, priority: {priority} }}").unwrap();
            }
        }
        if !self.singles.is_empty() {
            text += "  standalone:\n";
        }
        for (name, Place { container, port, .. }) in &self.singles {
            writeln!(text, "    {name}: {{ container: {container}, port: {port} }}").unwrap();
        }
        text
    }

    fn taken(&self) -> impl Iterator<Item = &Place> {
        self.sets.values().flatten().chain(self.singles.values())
    }

    fn free_place(&self, random: &mut ChaCha8Rng) -> Option<Place> {
        let places = self.containers.keys().flat_map(|container| PORTS.map(move |port| (container, port)));
        let free = places
            .filter(|(container, port)| !self.taken().any(|one| one.container == **container && one.port == *port));
        let (container, port) = free.choose(random)?;
        Some(Place { container: container.clone(), port, priority: random.random_range(1..4) })
    }

    /// A random mongod: of a set, or single.
    fn any_place(&mut self, random: &mut ChaCha8Rng) -> Option<&mut Place> {
        self.sets.values_mut().flatten().chain(self.singles.values_mut()).choose(random)
    }

    /// One random edit; `None` where it does not fit. Gives what it was, too.
    #[allow(clippy::too_many_lines, reason = "a flat match")]
    pub fn edited(&self, random: &mut ChaCha8Rng) -> Option<(&'static str, Self)> {
        let mut next = self.clone();
        let what = match random.random_range(0..16) {
            0 => {
                let free = self.free_place(random)?;
                let place = next.any_place(random)?;
                if place.container != free.container {
                    return None;
                }
                place.port = free.port;
                "another port"
            }
            1 => {
                let members = next.sets.values_mut().choose(random)?;
                members.iter_mut().for_each(|member| member.port += 10_000);
                "other ports for all members of a set"
            }
            2 => {
                let free = self.free_place(random)?;
                let place = next.any_place(random)?;
                (place.container, place.port) = (free.container, free.port);
                "another container"
            }
            3 => {
                let name = self.sets.keys().choose(random)?;
                for index in 0..self.sets[name].len() {
                    let free = next.free_place(random)?;
                    next.sets.get_mut(name)?[index] = free;
                }
                "all members of a set moved"
            }
            4 => {
                let first = next.any_place(random)?.clone();
                let second = next.any_place(random)?.clone();
                if first.container != second.container || first.port == second.port {
                    return None;
                }
                for place in next.sets.values_mut().flatten().chain(next.singles.values_mut()) {
                    if place.container == first.container && place.port == first.port {
                        place.port = second.port;
                    } else if place.container == second.container && place.port == second.port {
                        place.port = first.port;
                    }
                }
                "two ports swapped"
            }
            5 => {
                let name = self.sets.keys().choose(random)?.clone();
                let members = next.sets.remove(&name)?;
                next.sets.insert(format!("{name}x"), members);
                "another name for a set"
            }
            6 => {
                let name = self.singles.keys().choose(random)?.clone();
                let place = next.singles.remove(&name)?;
                next.singles.insert(format!("{name}x"), place);
                "another name for a standalone"
            }
            7 => {
                let name = self.sets.keys().choose(random)?.clone();
                let free = self.free_place(random)?;
                next.sets.get_mut(&name)?.push(free);
                "a member more"
            }
            8 => {
                let members = next.sets.values_mut().filter(|members| members.len() > 1).choose(random)?;
                let index = random.random_range(0..members.len());
                members.remove(index);
                "a member less"
            }
            9 => {
                let members = next.sets.values_mut().filter(|members| members.len() > 2).choose(random)?;
                let keep = random.random_range(0..members.len());
                *members = vec![members[keep].clone()];
                "all members but one less"
            }
            10 => {
                let name = self.singles.keys().choose(random)?.clone();
                let mut place = next.singles.remove(&name)?;
                if random.random_bool(0.3) {
                    place.port += 10_000;
                }
                let mut members = vec![place];
                for _ in 0..[0, 2][random.random_range(0..2)] {
                    next.sets.insert(name.clone(), members.clone());
                    members.push(next.free_place(random)?);
                }
                let turn = random.random_range(0..members.len());
                members.rotate_left(turn);
                next.sets.insert(name, members);
                "a standalone becomes a set"
            }
            11 => {
                let name = self.sets.iter().filter(|(_, members)| members.len() == 1).map(|(name, _)| name);
                let name = name.choose(random)?.clone();
                let place = next.sets.remove(&name)?.remove(0);
                next.singles.insert(name, place);
                "a set becomes a standalone"
            }
            12 => {
                let name = self.containers.keys().choose(random)?.clone();
                next.containers.remove(&name);
                next.sets.values_mut().for_each(|members| members.retain(|member| member.container != name));
                next.sets.retain(|_, members| !members.is_empty());
                next.singles.retain(|_, place| place.container != name);
                if next.containers.is_empty() {
                    return None;
                }
                "a container less"
            }
            13 => {
                let place = next.any_place(random)?;
                place.priority = random.random_range(1..6);
                "another priority"
            }
            14 => {
                let name = next.containers.keys().choose(random)?.clone();
                let octet = next.containers.remove(&name)?;
                next.containers.insert(format!("{name}x"), octet);
                let places = next.sets.values_mut().flatten().chain(next.singles.values_mut());
                places.filter(|one| one.container == name).for_each(|one| one.container = format!("{name}x"));
                "another name for a container"
            }
            _ => {
                let (name, place) = (self.sets.keys().choose(random)?.clone(), self.free_place(random)?);
                let index = random.random_range(0..self.sets[&name].len());
                next.containers.insert("new".into(), 200);
                next.sets.get_mut(&name)?[index] = Place { container: "new".into(), ..place };
                "a member into a new container"
            }
        };
        (next != *self).then_some((what, next))
    }
}

fn distinct(members: Vec<Place>) -> Vec<Place> {
    let mut kept: Vec<Place> = Vec::new();
    for member in members {
        if !kept.iter().any(|one| one.container == member.container && one.port == member.port) {
            kept.push(member);
        }
    }
    // An even number of voters is allowed, more than seven are not.
    kept.truncate(7);
    kept
}
