//! Asks the running service where it puts products: one is created for each fragment, looked for in the databases, and
//! deleted again.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use protocol::{Example, FragmentAsk, FragmentReply, Reply, Request, Routed, RoutedProduct, RoutingRequest};
use serde::Serialize;

use super::agents::{Agents, Ask};
use crate::desired::{Fragmented, ProbeLogin, Router};
use crate::guest::{self, Guests};

/// What follows in all names of probes; what the agent draws for one probe follows that.
pub const PROBE: &str = "distctl routing probe";

/// How long the service may take, in milliseconds: it hashes a password first.
const PATIENCE_MS: u64 = 20_000;

/// Where the running service puts products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Routing {
    /// Where each product went that was created.
    pub probes: Vec<Probe>,
    /// What could not be asked.
    pub unknown: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// A product that was created to see where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The service.
    pub service: String,
    /// Its container.
    pub container: String,
    /// The name of the product.
    pub name: String,
    /// Where it belongs.
    pub belongs: String,
    /// Where it went.
    pub went: Option<String>,
}

impl Routing {
    /// Products that went elsewhere.
    pub fn wrong(&self) -> Vec<Example> {
        let wrong = self.probes.iter().filter(|probe| probe.went.as_ref() != Some(&probe.belongs));
        wrong
            .map(|probe| Example {
                id: format!("{} in {}", probe.service, probe.container),
                key: Some(probe.name.clone()),
                why: format!("{} instead of {}", probe.went.as_deref().unwrap_or("no fragment"), probe.belongs),
            })
            .collect()
    }
}

/// How names begin in which rules differ: accents, case, a leading space, digits, other scripts.
const TELLING: [&str; 8] = ["Ñ", "ñ", "É", "á", " Z", "0", "Я", "林"];

/// The beginnings of names to create: the first and the last letter of every range in both cases, and what rules differ
/// in.
pub fn names(fragmented: &Fragmented) -> Vec<String> {
    let ranges = fragmented.rule.fragments.iter().filter_map(|fragment| fragment.range);
    let mut letters: Vec<char> = ranges.flat_map(|range| [range.first(), range.last()]).collect();
    letters.dedup();
    let both = letters.into_iter().flat_map(|letter| [letter, letter.to_ascii_lowercase()]).map(String::from);
    both.chain(TELLING.map(str::to_owned)).collect()
}

/// Asks every service that routes by the rule.
pub async fn probe(guests: &Guests, agents: &Agents<'_>, fragmented: &Fragmented) -> Routing {
    let mut routing = Routing::default();
    if fragmented.routers.is_empty() {
        routing.notes.push(format!("no service routes by {}: there is nothing to probe", fragmented.name));
    }
    for router in &fragmented.routers {
        let who = format!("routing of {} in {}", router.service, router.container);
        let (Some(host), Some(login)) = (&router.host, &router.login) else {
            let missing =
                if router.host.is_none() { "a port with a health check" } else { "an `init` that tells a user" };
            routing.unknown.push(format!("{who}: it has not {missing}, so it can't be asked"));
            continue;
        };
        let asked = Asked { guests, agents, fragmented, router, host, login };
        match asked.probe().await {
            Ok((probes, refused)) => {
                routing.probes.extend(probes);
                routing.notes.extend(refused.into_iter().map(|(name, why)| {
                    format!("{} in {} takes no product named {name:?}: {why}", router.service, router.container)
                }));
            }
            Err(error) => routing.unknown.push(format!("{who}: {}", guest::one_line(error.as_ref()))),
        }
    }
    routing
}

struct Asked<'a> {
    guests: &'a Guests,
    agents: &'a Agents<'a>,
    fragmented: &'a Fragmented,
    router: &'a Router,
    host: &'a str,
    login: &'a ProbeLogin,
}

impl Asked<'_> {
    /// Where products went, and the names that the service does not take.
    async fn probe(&self) -> Result<(Vec<Probe>, Vec<(String, String)>)> {
        let Routed { products: created, refused } = self.ask(names(self.fragmented)).await?;
        let found = self.find(&created).await;
        // Whatever was seen, nothing stays behind; what a killed run left is deleted by the next.
        self.ask(Vec::new()).await?;
        let found = found?;
        let probes = created.iter().enumerate().map(|(index, product)| Probe {
            service: self.router.service.clone(),
            container: self.router.container.clone(),
            name: product.name.clone(),
            belongs: self.belongs(&product.name),
            went: found.iter().find(|(_, holds)| holds.get(index) == Some(&true)).map(|(on, _)| on.clone()),
        });
        Ok((probes.collect(), refused))
    }

    fn belongs(&self, name: &str) -> String {
        let placement = self.fragmented.rule.place(name).ok();
        let fragment = placement.and_then(|placement| self.fragmented.rule.fragments.get(placement.fragment));
        fragment.map(|fragment| fragment.on.clone()).unwrap_or_default()
    }

    /// Through the agent that has the password: it need not leave its guest.
    async fn ask(&self, names: Vec<String>) -> Result<Routed> {
        let request = Request::Routing(RoutingRequest {
            host: self.host.to_owned(),
            login: self.login.credential.clone(),
            names,
            mark: PROBE.to_owned(),
            timeout_ms: PATIENCE_MS,
        });
        match guest::call(self.guests, &self.login.container, &request, |_| {}).await? {
            Reply::Routed(routed) => Ok(routed),
            _ => bail!("the agent in {} answered something else", self.login.container),
        }
    }

    async fn find(&self, created: &[RoutedProduct]) -> Result<BTreeMap<String, Vec<bool>>> {
        let ids: Vec<String> = created.iter().map(|product| product.id.clone()).collect();
        let mut found = BTreeMap::new();
        for on in self.fragmented.homes.keys() {
            let FragmentReply::Holds(holds) = self.agents.ask(on, FragmentAsk::Holds { ids: ids.clone() }).await?
            else {
                bail!("the agent of {on} answered something else")
            };
            found.insert(on.clone(), holds);
        }
        Ok(found)
    }
}
