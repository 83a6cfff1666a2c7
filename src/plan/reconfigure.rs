//! From one `rs.conf()` to the next: the whole of it compared, one voting change at a time.

use std::collections::BTreeMap;

use protocol::{SetConfig, SetMember, SetSettings};

use super::{Change, Effect};

/// How many members of a set may vote.
const MOST_VOTERS: usize = 7;

/// One move on the way from one configuration to another.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Move {
    /// Sends a whole configuration; at most one member gains or loses a vote.
    Reconfigure {
        config: SetConfig,
        what: String,
        changes: Vec<Change>,
        /// The member that is in the set no more.
        leaves: Option<String>,
    },
    /// Makes a member hand over if it is primary, for it is about to leave.
    StepDown(String),
    /// Waits until a member is PRIMARY or SECONDARY.
    Await(String),
}

/// The moves from `current` to `wanted`: settings and what costs no vote first, then new members one by one (first
/// without a vote, so that copying their data weakens no majority). Then votes go over one by one: a new member gets
/// its vote, then an old one leaves, and the primary is the last to go. So there is a majority and somebody to lead at
/// every moment, and never more voters than a set may have.
pub(super) fn moves(current: &SetConfig, wanted: &SetConfig, primary: &str) -> Vec<Move> {
    let mut walk = Walk { now: current.clone(), moves: Vec::new(), primary };
    walk.change_what_costs_no_vote(wanted);
    walk.add_members(wanted);
    walk.change_votes(wanted);
    walk.remove_members(wanted);
    walk.demote_primary(wanted);
    walk.moves
}

struct Walk<'p> {
    now: SetConfig,
    moves: Vec<Move>,
    primary: &'p str,
}

impl Walk<'_> {
    fn send(&mut self, what: String, changes: Vec<Change>) {
        self.moves.push(Move::Reconfigure { config: self.now.clone(), what, changes, leaves: None });
    }

    fn change_what_costs_no_vote(&mut self, wanted: &SetConfig) {
        let mut changes = settings_changes(&self.now.settings, &wanted.settings);
        let other = std::mem::take(&mut self.now.settings.other);
        self.now.settings = SetSettings { other, ..wanted.settings.clone() };
        for member in &mut self.now.members {
            let Some(target) = wanted.members.iter().find(|target| target.host == member.host) else {
                continue;
            };
            if member.votes != target.votes || is_demoted(member, target) && member.host == self.primary {
                continue;
            }
            let next = SetMember { id: member.id, ..target.clone() };
            changes.extend(member_changes(member, &next));
            *member = next;
        }
        if !changes.is_empty() {
            let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
            let what = fields.join(", ");
            self.send(what, changes);
        }
    }

    fn add_members(&mut self, wanted: &SetConfig) {
        for target in &wanted.members {
            if self.now.members.iter().any(|member| member.host == target.host) {
                continue;
            }
            let id = self.now.members.iter().map(|member| member.id).max().map_or(0, |highest| highest + 1);
            let quiet = SetMember { id, votes: 0, priority: 0.0, ..target.clone() };
            let change = change(format!("member {}", target.host), "missing".into(), "no vote".into());
            self.now.members.push(quiet);
            self.send(format!("add {} without a vote", target.host), vec![change]);
            self.moves.push(Move::Await(target.host.clone()));
        }
    }

    /// Gives votes and takes them, in turn.
    fn change_votes(&mut self, wanted: &SetConfig) {
        let target = |host: &str| wanted.members.iter().find(|target| target.host == host);
        let votes = |host: &str| target(host).map_or(0, |target| target.votes);
        let mut gain = Vec::new();
        let mut lose = Vec::new();
        for SetMember { host, votes: now, .. } in &self.now.members {
            match (*now > 0, votes(host) > 0) {
                (false, true) => gain.push(host.clone()),
                (true, false) => lose.push(host.clone()),
                _ => {}
            }
        }
        lose.sort_by_key(|host| *host == self.primary);
        let (mut gain, mut lose) = (gain.into_iter().peekable(), lose.into_iter().peekable());
        while gain.peek().is_some() || lose.peek().is_some() {
            let is_full = self.now.members.iter().filter(|member| member.votes > 0).count() >= MOST_VOTERS;
            if let Some(host) = gain.next_if(|_| !is_full || lose.peek().is_none()) {
                self.change_vote(wanted, &host);
            }
            if let Some(host) = lose.next() {
                self.take_vote(wanted, &host);
            }
        }
    }

    fn take_vote(&mut self, wanted: &SetConfig, host: &str) {
        if self.may_lead(host) {
            self.moves.push(Move::StepDown(host.to_owned()));
        }
        match wanted.members.iter().any(|target| target.host == host) {
            true => self.change_vote(wanted, host),
            false => self.remove(host),
        }
    }

    /// Whether a member is primary, or may have become it on the way: nobody has a higher priority.
    fn may_lead(&self, host: &str) -> bool {
        let own = self.now.members.iter().find(|member| member.host == host).map(|member| member.priority);
        let others = self.now.members.iter().filter(|member| member.host != host);
        let highest = others.map(|member| member.priority).fold(0.0, f64::max);
        host == self.primary || own.is_some_and(|own| own > 0.0 && own >= highest)
    }

    fn change_vote(&mut self, wanted: &SetConfig, host: &str) {
        let Some(target) = wanted.members.iter().find(|target| target.host == host) else { return };
        let Some(place) = self.now.members.iter().position(|member| member.host == host) else { return };
        let next = SetMember { id: self.now.members[place].id, ..target.clone() };
        let changes = member_changes(&self.now.members[place], &next);
        let what = match next.votes {
            0 => format!("take the vote of {host}"),
            _ => format!("give {host} its vote"),
        };
        self.now.members[place] = next;
        self.send(what, changes);
    }

    fn remove_members(&mut self, wanted: &SetConfig) {
        let is_gone = |member: &&SetMember| !wanted.members.iter().any(|target| target.host == member.host);
        let gone: Vec<String> = self.now.members.iter().filter(is_gone).map(|member| member.host.clone()).collect();
        for host in gone {
            self.remove(&host);
        }
    }

    fn remove(&mut self, host: &str) {
        self.now.members.retain(|member| member.host != host);
        let changes = vec![change(format!("member {host}"), "member".into(), "removed".into())];
        let (what, leaves) = (format!("remove {host}"), Some(host.to_owned()));
        self.moves.push(Move::Reconfigure { config: self.now.clone(), what, changes, leaves });
    }

    /// A primary takes no configuration in which it could not be primary, so another leads first.
    fn demote_primary(&mut self, wanted: &SetConfig) {
        let Some(target) = wanted.members.iter().find(|target| target.host == self.primary) else { return };
        let Some(member) = self.now.members.iter_mut().find(|member| member.host == self.primary) else { return };
        let next = SetMember { id: member.id, ..target.clone() };
        let changes = member_changes(member, &next);
        if !changes.is_empty() {
            *member = next;
            self.moves.push(Move::StepDown(self.primary.to_owned()));
            self.send(changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>().join(", "), changes);
        }
    }
}

/// Whether a member that may be primary is to be one that may not.
fn is_demoted(member: &SetMember, target: &SetMember) -> bool {
    member.priority > 0.0 && target.priority <= 0.0
}

fn change(field: String, from: String, to: String) -> Change {
    Change { field, from, to, effect: Effect::Live }
}

fn settings_changes(from: &SetSettings, to: &SetSettings) -> Vec<Change> {
    let fields = |settings: &SetSettings| {
        [
            ("electionTimeoutMillis", settings.election_timeout_millis.to_string()),
            ("heartbeatIntervalMillis", settings.heartbeat_interval_millis.to_string()),
            ("heartbeatTimeoutSecs", settings.heartbeat_timeout_secs.to_string()),
            ("catchUpTimeoutMillis", settings.catch_up_timeout_millis.to_string()),
            ("catchUpTakeoverDelayMillis", settings.catch_up_takeover_delay_millis.to_string()),
            ("chainingAllowed", settings.chaining_allowed.to_string()),
        ]
    };
    differing("settings", &fields(from), &fields(to))
}

fn member_changes(from: &SetMember, to: &SetMember) -> Vec<Change> {
    let fields = |member: &SetMember| {
        [
            ("priority", member.priority.to_string()),
            ("votes", member.votes.to_string()),
            ("hidden", member.hidden.to_string()),
            ("arbiterOnly", member.arbiter_only.to_string()),
            ("buildIndexes", member.build_indexes.to_string()),
            ("secondaryDelaySecs", member.secondary_delay_secs.to_string()),
            ("tags", show_tags(&member.tags)),
        ]
    };
    differing(&format!("{} ", from.host), &fields(from), &fields(to))
}

fn show_tags(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
}

fn differing(of: &str, from: &[(&str, String)], to: &[(&str, String)]) -> Vec<Change> {
    let joint = if of.ends_with(' ') { "" } else { "." };
    from.iter()
        .zip(to)
        .filter(|(before, after)| before.1 != after.1)
        .map(|((name, before), (_, after))| change(format!("{of}{joint}{name}"), before.clone(), after.clone()))
        .collect()
}
