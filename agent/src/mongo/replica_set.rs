//! Bringing a new replica set to life.
//!
//! A set that is initiated with all its members has no primary before the election timeout has passed, 10 to 11.5 s by
//! default. `replSetStepUp` would hurry it, but is not among the rights of the localhost exception (measured: error
//! 13), and there is no user before there is a primary. So the set begins with one member, which elects itself at once,
//! and then gets its whole configuration, which the exception does allow.
//!
//! That second configuration is forced. An ordinary one adds one voter at a time, and mongod keeps each from voting
//! until it has copied the data and the primary has heard of it, with an automatic reconfiguration each: a set that
//! could lose its primary only after 4.3 s. Forced, all vote from the start. Nothing can be lost by it: the one member
//! there is agrees, and the others, which are asked before, are in no set yet. What shows of it is a high version.
//! Measured with mongod 6.0.5 on two busy cores: primary after 0.1 s, configuration after 0.2 s, users after 0.9 s, all
//! three serving, and able to take over, after 2.3 to 2.6 s. Initiated at once they take 11.7 s.

use std::net::SocketAddr;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use protocol::{Failure, InitiateRequest, SetConfig, SetMember};

use super::connect::{Error, Login, Peer};
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
    let login = Login::read_if(request.admin.as_ref())?;
    let mongod = Peer::local(request.port, login.as_ref()).await;
    let mongod = mongod.map_err(|error| set.fail("its first mongod", &error))?;
    progress(format!("initiating {}", request.config.name));
    set.begin(&mongod, first).await?;
    if set.await_primary(&mongod, first).await? {
        set.grow(&mongod).await?;
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
            // One that has users asks for a login before it looks whether there is a set.
            if matches!(error.code(), Some(code::ALREADY_INITIALIZED | code::UNAUTHORIZED)) {
                return self.check_name(mongod, &error).await;
            }
            if !error.is_transient() || !self.deadline.pause(RETRY).await {
                return Err(self.fail(&first.host, &error));
            }
        }
    }

    async fn check_name(&self, mongod: &Peer, error: &Error) -> Result<(), Failure> {
        let hello = mongod.hello().await.map_err(|error| self.fail(&mongod.host, &error))?;
        let cause = match hello.set_name {
            Some(name) if name == self.wanted.name => return Ok(()),
            Some(other) => format!("can't be initiated: its first mongod belongs to the set {other} already"),
            None => format!("can't be initiated: its first mongod has users but no set ({error})"),
        };
        Err(Failure::new(&self.object, cause)
            .with_hint("nothing was changed in it; `distctl plan` tells what it holds and what can be done"))
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

    /// Gives the set all its members if it lacks some, and waits until each of them has taken up the configuration.
    async fn grow(&self, mongod: &Peer) -> Result<(), Failure> {
        let count = self.wanted.members.len();
        loop {
            let census = Census::take(self.wanted.members.iter().map(|member| &member.host)).await;
            if let Some((host, other)) = census.stranger(&self.wanted.name) {
                let cause = format!("can't take in {host}: it belongs to the set {other} already");
                let hint =
                    format!("give {host} back to {other} in the file, or give {} another port", self.wanted.name);
                return Err(Failure::new(&self.object, cause).with_hint(hint));
            }
            if census.belonging(&self.wanted.name) == count {
                return Ok(());
            }
            let error = if census.answers().count() < count { None } else { self.complete(mongod).await.err() };
            match error.as_ref().and_then(Error::code) {
                // Users bar the way: it is no new set, and its administrator adds what is missing.
                Some(code::UNAUTHORIZED) => return Ok(()),
                _ if error.as_ref().is_none_or(Error::is_transient) && self.deadline.pause(RETRY).await => {}
                _ => return Err(self.incomplete(error.as_ref(), &census)),
            }
        }
    }

    /// Sends the whole configuration, unless the set has all its members.
    async fn complete(&self, mongod: &Peer) -> Result<(), Error> {
        let present = look::members(&mongod.ask(doc! { "replSetGetStatus": 1 }).await?);
        let all: Vec<&SetMember> = self.wanted.members.iter().collect();
        if all.iter().all(|wanted| present.iter().any(|member| member.host == wanted.host)) {
            return Ok(());
        }
        progress(format!("adding the other members to {}", self.wanted.name));
        let version = mongod.hello().await?.set_version.unwrap_or(1);
        let config = self.config(&all, i64::from(version) + 1);
        mongod.run(doc! { "replSetReconfig": config, "force": true }, self.deadline.left()).await.map(drop)
    }

    fn incomplete(&self, error: Option<&Error>, census: &Census) -> Failure {
        let why = error.map_or_else(String::new, |error| format!("{error}; "));
        let cause = format!("does not get all its members: {why}{}", census.describe());
        Failure::new(&self.object, cause).with_hint("its members must run, reach each other and have the same keyfile")
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
