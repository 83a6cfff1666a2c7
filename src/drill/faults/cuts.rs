//! Who is cut off from whom, told to the guest of the one who sends.
//!
//! A member is cut off from other members, by what those send themselves. So a client that lives beside one of them, the
//! test's own as well as any other, feels what every client feels.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Cut, FaultKind};
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::desired::{Mongod, ReplicaSet};

/// What each container's members can't send while `members` are cut off; nothing for other faults.
pub fn of(set: &ReplicaSet, kind: FaultKind, members: &[&Mongod], draw: &mut impl Rng) -> BTreeMap<String, Vec<Cut>> {
    let mut cuts: BTreeMap<String, BTreeSet<Cut>> = BTreeMap::new();
    let mut cut = |from: &Mongod, to: &Mongod| {
        let beside = from.container == to.container;
        let cut = Cut { unit: from.unit.clone(), to: to.host.clone(), beside };
        cuts.entry(from.container.clone()).or_default().insert(cut);
    };
    for member in members {
        let others: Vec<&Mongod> = set.members.iter().filter(|other| other.host != member.host).collect();
        let peers = match kind {
            FaultKind::Partition | FaultKind::PartitionOneWay => others,
            FaultKind::PartitionPair => others.choose(draw).copied().into_iter().collect(),
            _ => Vec::new(),
        };
        for peer in peers {
            cut(peer, member);
            if kind != FaultKind::PartitionOneWay {
                cut(member, peer);
            }
        }
    }
    cuts.into_iter().map(|(container, cuts)| (container, cuts.into_iter().collect())).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Two members in a container, one in another.
    fn set() -> ReplicaSet {
        let member = |container: &str, address: &str, port: u16| Mongod {
            container: container.into(),
            port,
            host: format!("{address}:{port}"),
            unit: format!("mongod-{port}.service"),
            log: String::new(),
            data: String::new(),
        };
        ReplicaSet {
            name: "rs".into(),
            members: vec![member("a", "10.1.1.2", 1), member("a", "10.1.1.2", 2), member("b", "10.1.1.3", 3)],
            config: protocol::SetConfig {
                name: "rs".into(),
                version: 1,
                members: Vec::new(),
                settings: protocol::SetSettings::default(),
                other: BTreeMap::new(),
            },
            access: None,
        }
    }

    fn told(kind: FaultKind, hit: &[usize]) -> Vec<String> {
        let set = set();
        let members: Vec<&Mongod> = hit.iter().map(|at| &set.members[*at]).collect();
        let cuts = of(&set, kind, &members, &mut ChaCha8Rng::seed_from_u64(1));
        let lines = cuts.iter().flat_map(|(container, cuts)| {
            cuts.iter().map(move |cut| {
                let beside = if cut.beside { " (beside)" } else { "" };
                format!("{container}: {} -x-> {}{beside}", cut.unit, cut.to)
            })
        });
        lines.collect()
    }

    #[test]
    fn the_guest_of_the_sender_drops_what_members_send_and_nothing_else() {
        insta::assert_snapshot!(told(FaultKind::Partition, &[0]).join("\n"), @r"
        a: mongod-1.service -x-> 10.1.1.2:2 (beside)
        a: mongod-1.service -x-> 10.1.1.3:3
        a: mongod-2.service -x-> 10.1.1.2:1 (beside)
        b: mongod-3.service -x-> 10.1.1.2:1
        ");
    }

    #[test]
    fn one_way_leaves_what_the_member_itself_asks() {
        insta::assert_snapshot!(told(FaultKind::PartitionOneWay, &[2]).join("\n"), @r"
        a: mongod-1.service -x-> 10.1.1.3:3
        a: mongod-2.service -x-> 10.1.1.3:3
        ");
    }

    #[test]
    fn a_pair_is_two_and_everybody_is_each_pair_once() {
        assert_eq!(told(FaultKind::PartitionPair, &[2]).len(), 2);
        assert_eq!(told(FaultKind::Partition, &[0, 1, 2]).len(), 6);
        assert_eq!(told(FaultKind::Kill, &[0]), Vec::<String>::new());
    }
}
