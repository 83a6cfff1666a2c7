//! Looks at all parts of a collection at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use protocol::{FragmentAsk, FragmentReply, FragmentScan};

use super::agents::{Agents, Ask};
use super::join::{Copy, Digests, Sent, same_id, same_key};
use crate::desired::Fragmented;

/// How many documents with a shared digest a place names. More are counted by their digests alone.
const NAMED: usize = 20_000;

/// What was seen of a collection.
#[derive(Debug)]
pub struct Look {
    /// What each place has, or why it can't be told.
    pub scans: BTreeMap<String, Result<FragmentScan, String>>,
    /// Documents in two places.
    pub twins: Result<Twins, String>,
}

/// Documents that are in two places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Twins {
    /// Copies of the same identity.
    pub same_id: Vec<Vec<Copy>>,
    /// Documents of different identities and the same key.
    pub same_key: Vec<Vec<Copy>>,
    /// Whether there were too many to name all.
    pub more: bool,
}

/// Says how far it is.
pub type News = Arc<dyn Fn(String) + Send + Sync>;

/// Looks at every place; those that are away don't keep the others from being seen.
pub async fn look(agents: &Agents<'_>, fragmented: &Fragmented, examples: usize, twins: bool, news: &News) -> Look {
    let digests = Mutex::new(Digests::default());
    let scans = fragmented.homes.keys().map(|on| {
        let (digests, news) = (&digests, Arc::clone(news));
        async move {
            let mut sent = Sent::default();
            let ask = FragmentAsk::Scan { digests: twins, examples };
            let answer = agents.ask_for_digests(on, ask, |text| news(text), |digest| sent.push(digest)).await;
            let scan = match answer {
                Ok(FragmentReply::Scanned(scan)) => Ok(*scan),
                Ok(_) => Err("its agent answered something else".to_owned()),
                Err(error) => Err(crate::guest::one_line(error.as_ref())),
            };
            if scan.is_ok() {
                digests.lock().unwrap_or_else(PoisonError::into_inner).add(on, sent);
            }
            (on.clone(), scan)
        }
    });
    let scans: BTreeMap<_, _> = join_all(scans).await.into_iter().collect();
    let digests = digests.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seen: Vec<&String> = scans.iter().filter(|(_, scan)| scan.is_ok()).map(|(on, _)| on).collect();
    let twins = find_twins(agents, &seen, digests).await.map_err(|error| crate::guest::one_line(error.as_ref()));
    Look { scans, twins }
}

/// Asks for the documents behind digests that two places have; mostly there is none, and nothing is asked.
async fn find_twins(agents: &Agents<'_>, places: &[&String], digests: Digests) -> anyhow::Result<Twins> {
    let (ids, keys) = digests.shared();
    if ids.is_empty() && keys.is_empty() {
        return Ok(Twins::default());
    }
    let mut wanted: Vec<u64> = ids.into_iter().chain(keys).collect();
    let more = wanted.len() > NAMED;
    wanted.truncate(NAMED);
    let asked = places.iter().map(|on| {
        let ask = FragmentAsk::Identify { digests: wanted.clone(), limit: NAMED };
        async move { (on, agents.ask(on, ask).await) }
    });
    let mut copies = Vec::new();
    for (on, answer) in join_all(asked).await {
        let FragmentReply::Identified(found) = answer? else {
            anyhow::bail!("the agent of {on} answered something else")
        };
        copies.extend(found.into_iter().map(|seen| Copy { on: (*on).clone(), seen }));
    }
    Ok(Twins { same_id: same_id(&copies), same_key: same_key(&copies), more })
}
