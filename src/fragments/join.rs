//! What is in two places at once, found by digests that all places sent.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Copied, Digest};

/// The digests of all documents of each place: 16 bytes a document.
#[derive(Debug, Default)]
pub struct Digests {
    ids: BTreeMap<String, Vec<u64>>,
    keys: BTreeMap<String, Vec<u64>>,
}

impl Digests {
    /// Puts in what one place sent.
    pub fn add(&mut self, on: &str, digests: Sent) {
        self.ids.insert(on.to_owned(), digests.ids);
        self.keys.insert(on.to_owned(), digests.keys);
    }

    /// The digests of identities, and those of keys, that two places have.
    pub fn shared(mut self) -> (Vec<u64>, Vec<u64>) {
        (in_two(&mut self.ids), in_two(&mut self.keys))
    }
}

/// What one place sent so far.
#[derive(Debug, Default)]
pub struct Sent {
    ids: Vec<u64>,
    keys: Vec<u64>,
}

impl Sent {
    /// Keeps one more.
    pub fn push(&mut self, digest: Digest) {
        self.ids.push(digest.id);
        if digest.key != 0 {
            self.keys.push(digest.key);
        }
    }
}

fn in_two(places: &mut BTreeMap<String, Vec<u64>>) -> Vec<u64> {
    for digests in places.values_mut() {
        digests.sort_unstable();
        digests.dedup();
    }
    let lists: Vec<&Vec<u64>> = places.values().collect();
    let mut shared = BTreeSet::new();
    for (index, one) in lists.iter().enumerate() {
        for other in &lists[index + 1..] {
            let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
            while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
                match a.cmp(b) {
                    std::cmp::Ordering::Less => _ = left.next(),
                    std::cmp::Ordering::Greater => _ = right.next(),
                    std::cmp::Ordering::Equal => {
                        shared.extend(left.next());
                        right.next();
                    }
                }
            }
        }
    }
    shared.into_iter().collect()
}

/// A copy of a document, and the place that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The place.
    pub on: String,
    /// The copy.
    pub seen: Copied,
}

/// Copies of one identity in two places or more. Digests only hinted at them; here the documents themselves decide.
pub fn same_id(copies: &[Copy]) -> Vec<Vec<Copy>> {
    let mut by_id: BTreeMap<&str, Vec<Copy>> = BTreeMap::new();
    for copy in copies {
        by_id.entry(&copy.seen.version.id).or_default().push(copy.clone());
    }
    by_id.into_values().filter(|copies| is_spread(copies)).collect()
}

/// Documents of different identities and the same key in two places or more.
pub fn same_key(copies: &[Copy]) -> Vec<Vec<Copy>> {
    let mut by_key: BTreeMap<&str, Vec<Copy>> = BTreeMap::new();
    for copy in copies {
        if let Some(key) = &copy.seen.key {
            by_key.entry(key).or_default().push(copy.clone());
        }
    }
    let different = |copies: &[Copy]| {
        copies
            .iter()
            .any(|one| copies.iter().any(|other| one.on != other.on && one.seen.version.id != other.seen.version.id))
    };
    by_key.into_values().filter(|copies| different(copies)).collect()
}

fn is_spread(copies: &[Copy]) -> bool {
    copies.iter().any(|copy| copy.on != copies[0].on)
}

#[cfg(test)]
mod tests {
    use protocol::Version;

    use super::*;

    fn sent(digests: &[(u64, u64)]) -> Sent {
        let mut sent = Sent::default();
        digests.iter().for_each(|(id, key)| sent.push(Digest { id: *id, key: *key }));
        sent
    }

    #[test]
    fn what_two_of_three_places_have_is_found() {
        let mut digests = Digests::default();
        digests.add("a", sent(&[(1, 10), (2, 0), (9, 11), (9, 12)]));
        digests.add("b", sent(&[(3, 0), (9, 10), (4, 13)]));
        digests.add("c", sent(&[(4, 12), (5, 14)]));
        assert_eq!(digests.shared(), (vec![4, 9], vec![10, 12]));
        assert_eq!(Digests::default().shared(), (vec![], vec![]));
    }

    fn copy(on: &str, id: &str, key: Option<&str>) -> Copy {
        let version = Version { id: id.into(), sha256: String::new() };
        let key = key.map(Into::into);
        Copy { on: on.into(), seen: Copied { version, shown: id.into(), key, belongs: None, updated_at: None } }
    }

    #[test]
    fn documents_decide_what_digests_hinted_at() {
        // 3 and 4 had the same digest by chance, and 5 has a copy under the same key elsewhere.
        let copies = [
            copy("a", "1", Some("Sal")),
            copy("b", "1", Some("Sal")),
            copy("a", "3", None),
            copy("b", "4", None),
            copy("a", "5", Some("Uva")),
            copy("b", "6", Some("Uva")),
            copy("b", "7", Some("Ron")),
            copy("b", "8", Some("Ron")),
        ];
        let ids = |groups: Vec<Vec<Copy>>| -> Vec<String> {
            groups.into_iter().flatten().map(|copy| copy.on + &copy.seen.version.id).collect()
        };
        assert_eq!(ids(same_id(&copies)), ["a1", "b1"]);
        assert_eq!(ids(same_key(&copies)), ["a5", "b6"]);
    }
}
