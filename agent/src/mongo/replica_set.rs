//! Bringing a new replica set to life.
//!
//! A set that is initiated with all its members has no primary before the election timeout has passed, 10 to 11.5 s by
//! default. `replSetStepUp` would hurry it, but is not among the rights of the localhost exception (measured: error
//! 13), and there is no user before there is a primary. So the set begins with one member, which elects itself at once,
//! and grows by reconfigurations, which the exception does allow, one voting member each. With mongod 6.0.5 on two
//! cores the primary is there after 0.1 s, the configuration is complete after 0.2 s, and all three members serve after
//! 1.5 s; initiated at once they take 11.7 s.

use std::net::SocketAddr;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use protocol::{Failure, InitiateRequest, SetConfig, SetMember};

use super::connect::{Error, Peer};
use super::hello::Hello;
use super::primary::Census;
use super::{code, config, look};
use crate::call::progress;
use crate::deadline::Deadline;
use crate::inspect::network;

/// How long to wait between two tries; a single member elects itself in less than 100 ms.
const RETRY: Duration = Duration::from_millis(20);

/// Initiates a set with the member of this guest and adds the others.
pub async fn initiate(request: &InitiateRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let set = Birth { object: format!("replica set {}", request.config.name), wanted: &request.config, deadline };
    let first = set.first_member(request.port)?;
    let mongod = Peer::local(request.port, None).await.map_err(|error| set.fail("its first mongod", &error))?;
    progress(format!("initiating {}", request.config.name));
    set.begin(&mongod, first).await?;
    if set.await_primary(&mongod, first).await? {
        set.grow(&mongod, first).await?;
    }
    Ok(())
}

/// A set that comes to life.
struct Birth<'r> {
    object: String,
    wanted: &'r SetConfig,
    deadline: Deadline,
}

impl Birth<'_> {
    /// The member that runs here.
    fn first_member(&self, port: u16) -> Result<&SetMember, Failure> {
        let here = |member: &&SetMember| {
            member.host.parse::<SocketAddr>().is_ok_and(|host| host.port() == port && network::is_own(host.ip()))
        };
        let first = self.wanted.members.iter().find(here).ok_or_else(|| {
            Failure::new(&self.object, format!("has no member on port {port} of an address of this guest"))
                .with_hint("check that the container has the address that the topology gives it")
        })?;
        if first.votes == 0 || first.priority <= 0.0 || first.arbiter_only {
            let cause = format!("can't begin with {}: it may not be primary", first.host);
            return Err(Failure::new(&self.object, cause).with_hint("begin with a member of the highest priority"));
        }
        Ok(first)
    }

    /// Makes a set of one member, unless there is one already.
    async fn begin(&self, mongod: &Peer, first: &SetMember) -> Result<(), Failure> {
        let config = self.config(&[first], 1);
        loop {
            let error = match mongod.run(doc! { "replSetInitiate": config.clone() }, self.deadline.left()).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if error.code() == Some(code::ALREADY_INITIALIZED) {
                return self.check_name(mongod).await;
            }
            if !is_worth_another_try(&error) || !self.deadline.pause(RETRY).await {
                return Err(self.fail(&first.host, &error));
            }
        }
    }

    async fn check_name(&self, mongod: &Peer) -> Result<(), Failure> {
        let hello = mongod.hello().await.map_err(|error| self.fail(&mongod.host, &error))?;
        match hello.set_name {
            Some(other) if other != self.wanted.name => {
                let cause = format!("can't be initiated: its first mongod belongs to the set {other} already");
                Err(Failure::new(&self.object, cause)
                    .with_hint("give the member an empty data folder, or the set its old name"))
            }
            _ => Ok(()),
        }
    }

    /// Waits for a primary; `true` if it is this mongod.
    async fn await_primary(&self, mongod: &Peer, first: &SetMember) -> Result<bool, Failure> {
        loop {
            match mongod.hello().await {
                Ok(Hello { is_writable_primary: true, .. }) => return Ok(true),
                // On the way to PRIMARY it calls itself SECONDARY and names itself.
                Ok(Hello { primary: Some(other), secondary: true, .. }) if other != first.host => return Ok(false),
                Ok(_) | Err(_) => {}
            }
            if !self.deadline.pause(RETRY).await {
                let hosts: Vec<String> = self.wanted.members.iter().map(|member| member.host.clone()).collect();
                let states = Census::take(&hosts).await.describe();
                return Err(Failure::new(&self.object, format!("has elected no primary in time: {states}"))
                    .with_hint("a majority of its members must run, reach each other and have the same keyfile"));
            }
        }
    }

    /// Adds the members that are missing: those without a vote along with the next one that has one.
    async fn grow(&self, mongod: &Peer, first: &SetMember) -> Result<(), Failure> {
        loop {
            let status = mongod.ask(doc! { "replSetGetStatus": 1 }).await;
            let (present, version) = match (status, mongod.hello().await) {
                (Ok(status), Ok(hello)) => (look::members(&status), hello.set_version.unwrap_or(1)),
                // Users bar the way: it is no new set, and its administrator adds what is missing.
                (Err(error), _) if error.code() == Some(code::UNAUTHORIZED) => return Ok(()),
                (Err(error), _) | (_, Err(error)) => {
                    self.try_again(error).await?;
                    continue;
                }
            };
            let present: Vec<&str> = present.iter().map(|member| member.host.as_str()).collect();
            let next = batch(&self.wanted.members, &present, &first.host);
            if next.len() <= present.len() {
                return Ok(());
            }
            let config = self.config(&next, i64::from(version) + 1);
            progress(format!(
                "adding members to {}: {} of {}",
                self.wanted.name,
                next.len(),
                self.wanted.members.len()
            ));
            match mongod.run(doc! { "replSetReconfig": config }, self.deadline.left()).await {
                Ok(_) => {}
                Err(error) if error.code() == Some(code::UNAUTHORIZED) => return Ok(()),
                Err(error) => self.try_again(error).await?,
            }
        }
    }

    /// Pauses before another try, or gives up.
    async fn try_again(&self, error: Error) -> Result<(), Failure> {
        if is_worth_another_try(&error) && self.deadline.pause(RETRY).await {
            return Ok(());
        }
        let hosts: Vec<String> = self.wanted.members.iter().map(|member| member.host.clone()).collect();
        let states = Census::take(&hosts).await.describe();
        Err(Failure::new(&self.object, format!("can't take in all its members: {error}; {states}"))
            .with_hint("its members must run, reach each other and have the same keyfile"))
    }

    fn config(&self, members: &[&SetMember], version: i64) -> Document {
        let members = members.iter().map(|member| (*member).clone()).collect();
        let mut config = config::merge(&Document::new(), &SetConfig { members, ..self.wanted.clone() });
        config.insert("version", version);
        config
    }

    fn fail(&self, what: &str, error: &Error) -> Failure {
        Failure::new(&self.object, format!("can't be initiated through {what}: {error}"))
    }
}

/// A member that is just starting is not found by the check that precedes each new configuration.
fn is_worth_another_try(error: &Error) -> bool {
    error.is_transient() || error.code() == Some(code::NODE_NOT_FOUND)
}

/// The members that the next configuration has, in the order of the file: what is there, all without a vote, and one
/// more voter.
fn batch<'m>(wanted: &'m [SetMember], present: &[&str], first: &str) -> Vec<&'m SetMember> {
    let is_present = |member: &SetMember| member.host == first || present.contains(&member.host.as_str());
    let newcomer = wanted.iter().find(|member| member.votes > 0 && !is_present(member)).map(|member| &member.host);
    wanted.iter().filter(|member| is_present(member) || member.votes == 0 || Some(&member.host) == newcomer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(host: &str, votes: i64) -> SetMember {
        serde_json::from_value(serde_json::json!({ "_id": 0, "host": host, "votes": votes })).unwrap()
    }

    #[test]
    fn one_voter_at_a_time() {
        let wanted = [member("a", 1), member("b", 1), member("c", 0), member("d", 1)];
        let hosts = |present: &[&str]| -> Vec<String> {
            batch(&wanted, present, "a").iter().map(|member| member.host.clone()).collect()
        };
        assert_eq!(hosts(&["a"]), ["a", "b", "c"]);
        assert_eq!(hosts(&["a", "b", "c"]), ["a", "b", "c", "d"]);
        assert_eq!(hosts(&["a", "b", "c", "d"]).len(), 4);
    }
}
