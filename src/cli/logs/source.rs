//! Which logs there are, and the commands that read them in a guest.

use std::collections::BTreeSet;

use anyhow::Result;
use jiff::Timestamp;

use crate::desired::{Desired, Mongod};
use crate::report::log::Line;

/// How many lines of each log are shown without `--lines` and `--since`.
const LINES: usize = 50;

/// How many lines back a followed file is searched for the begin of `--since`.
const SEARCHED: usize = 10_000;

/// Reads a file from a moment on. mongod's lines begin `{"t":{"$date":"` and the local time; others are left out.
const SINCE: &str =
    "since=$(date -d \"@$3\" +%Y-%m-%dT%H:%M:%S) && [ -r \"$1\" ] || { echo \"$1 can't be read\" >&2; exit 1; }
awk -v since=\"$since\" 'substr($0, 16, 19) >= since' \"$1\" | tail -n \"$2\"";

/// How far back logs are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    pub lines: Option<usize>,
    pub since: Option<Timestamp>,
}

/// A log in a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub label: String,
    pub container: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The journal, or that of one unit.
    Journal(Option<String>),
    /// mongod's own log.
    Mongod(String),
}

/// Lists the logs that names mean, each once, and all where there are none.
pub(super) fn sources(desired: &Desired, names: &[String]) -> Result<Vec<Source>> {
    let mut sources = BTreeSet::new();
    if names.is_empty() {
        desired.containers.keys().for_each(|container| sources.extend(of_container(desired, container)));
    }
    for name in names {
        let found = of_name(desired, name);
        if found.is_empty() {
            desired.check_names(std::slice::from_ref(name))?;
        }
        sources.extend(found);
    }
    let whole: BTreeSet<String> =
        sources.iter().filter(|one| one.kind == Kind::Journal(None)).map(|one| one.container.clone()).collect();
    // The journal of a unit is part of that of its container.
    let is_part = |one: &Source| matches!(one.kind, Kind::Journal(Some(_))) && whole.contains(&one.container);
    Ok(sources.into_iter().filter(|one| !is_part(one)).collect())
}

fn of_name(desired: &Desired, name: &str) -> Vec<Source> {
    if desired.containers.contains_key(name) {
        return of_container(desired, name);
    }
    let owned = desired.replica_sets.values().filter(|set| set.name == name).flat_map(|set| &set.members);
    let owned = owned.chain(desired.standalones.get(name).map(|one| &one.mongod));
    let mut owned: Vec<Source> = owned.flat_map(|mongod| of_unit(desired, &mongod.container, &mongod.unit)).collect();
    for container in desired.services.get(name).iter().flat_map(|service| &service.containers) {
        let release = desired.containers.get(container).and_then(|wanted| wanted.releases.get(name));
        owned.extend(release.into_iter().flat_map(|release| of_unit(desired, container, &release.unit)));
    }
    if !owned.is_empty() {
        return owned;
    }
    let (within, unit) = name.split_once('/').map_or((None, name), |(container, unit)| (Some(container), unit));
    let unit = if unit.contains('.') { unit.to_string() } else { format!("{unit}.service") };
    let holders = desired.containers.values().filter(|container| within.is_none_or(|name| name == container.name));
    let holders = holders.filter(|container| container.all_units().any(|one| *one == unit));
    holders.flat_map(|container| of_unit(desired, &container.name, &unit)).collect()
}

fn of_container(desired: &Desired, container: &str) -> Vec<Source> {
    let journal = Source { label: container.to_string(), container: container.to_string(), kind: Kind::Journal(None) };
    let mongods = mongods(desired).filter(|mongod| mongod.container == container).map(own_log);
    std::iter::once(journal).chain(mongods).collect()
}

/// What a unit writes to the journal, and the log of its mongod.
fn of_unit(desired: &Desired, container: &str, unit: &str) -> Vec<Source> {
    let journal = Source {
        label: label(container, unit),
        container: container.to_string(),
        kind: Kind::Journal(Some(unit.to_string())),
    };
    let own = mongods(desired).filter(|mongod| mongod.container == container && mongod.unit == unit).map(own_log);
    std::iter::once(journal).chain(own).collect()
}

fn own_log(mongod: &Mongod) -> Source {
    let label = label(&mongod.container, &mongod.unit);
    Source { label, container: mongod.container.clone(), kind: Kind::Mongod(mongod.log.clone()) }
}

fn label(container: &str, unit: &str) -> String {
    format!("{container}/{}", unit.trim_end_matches(".service"))
}

fn mongods(desired: &Desired) -> impl Iterator<Item = &Mongod> {
    let members = desired.replica_sets.values().flat_map(|set| &set.members);
    members.chain(desired.standalones.values().map(|one| &one.mongod))
}

impl Source {
    /// Names it in a message.
    pub fn what(&self) -> String {
        match &self.kind {
            Kind::Journal(None) => format!("the journal of {}", self.container),
            Kind::Journal(Some(unit)) => format!("the journal of {unit} in {}", self.container),
            Kind::Mongod(path) => format!("{path} in {}", self.container),
        }
    }

    /// The command that writes it to standard output.
    pub fn command(&self, reach: &Reach, follow: bool) -> Vec<String> {
        match &self.kind {
            Kind::Journal(unit) => journal(unit.as_deref(), reach, follow),
            Kind::Mongod(path) => file(path, reach, follow),
        }
    }

    /// Reads a line of what the command writes.
    pub fn line(&self, text: &str) -> Line {
        match &self.kind {
            Kind::Journal(_) => Line::of_journal(&self.label, text),
            Kind::Mongod(_) => Line::of_mongod(&self.label, text),
        }
    }
}

fn journal(unit: Option<&str>, reach: &Reach, follow: bool) -> Vec<String> {
    let mut command = vec!["journalctl".to_string(), "--no-pager".into(), "--quiet".into(), "--output=json".into()];
    command.push("--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER".into());
    match (reach.lines, reach.since) {
        (Some(lines), _) => command.push(format!("--lines={lines}")),
        (None, None) => command.push(format!("--lines={LINES}")),
        (None, Some(_)) => command.push("--lines=all".into()),
    }
    command.extend(reach.since.map(|since| format!("--since=@{}", since.as_second())));
    command.extend(unit.map(|unit| format!("--unit={unit}")));
    command.extend(follow.then(|| "--follow".to_string()));
    command
}

fn file(path: &str, reach: &Reach, follow: bool) -> Vec<String> {
    let path = path.to_string();
    let tail = |lines: usize| vec!["tail".to_string(), "-n".into(), lines.to_string()];
    match (follow, reach.since) {
        (true, since) => {
            let lines = reach.lines.unwrap_or(if since.is_some() { SEARCHED } else { LINES });
            // By name: mongod makes a new file when its log is rotated.
            [tail(lines), vec!["-F".into(), "--".into(), path]].concat()
        }
        (false, None) => [tail(reach.lines.unwrap_or(LINES)), vec!["--".into(), path]].concat(),
        (false, Some(since)) => {
            let lines = reach.lines.map_or("+1".to_string(), |lines| lines.to_string());
            let script = ["sh", "-c", SINCE, "sh"].map(str::to_string);
            [script.to_vec(), vec![path, lines, since.as_second().to_string()]].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::desired::expand::{AgentFile, expand};
    use crate::topology::parse;

    fn sample() -> Desired {
        let text = "\
name: shop
network: { name: shop0, ipv4: 10.9.0.1/24 }
containers: { web: { ipv4: 10.9.0.10 }, db: { ipv4: 10.9.0.11 } }
mongodb:
  binary: /usr/bin/mongod
  standalone: { users: { container: db, port: 27018 } }
  replica_sets: { rsA: { members: [{ container: db, port: 27017 }] } }
";
        let agent = AgentFile { sha256: "a".repeat(64), size: 1 };
        expand(&parse(text, Path::new("topology.yaml")).unwrap(), Path::new("."), &agent).unwrap()
    }

    fn found(names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        sources(&sample(), &names).unwrap().iter().map(Source::what).collect()
    }

    const LOG: &str = "/var/log/mongodb/mongod-27017.log in db";

    #[test]
    fn without_a_name_everything_is_shown_once() {
        let all = found(&[]);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all.contains(&"the journal of web".to_string()) && all.contains(&LOG.to_string()), "{all:?}");
        assert_eq!(found(&["db", "rsA", "web", "users"]), all);
    }

    #[test]
    fn a_set_is_the_logs_and_units_of_its_members() {
        assert_eq!(found(&["rsA"]), ["the journal of mongod-27017.service in db", LOG]);
        assert_eq!(found(&["mongod-27017"]), found(&["rsA"]));
        assert_eq!(found(&["db/mongod-27017.service"]), found(&["rsA"]));
    }

    #[test]
    fn a_name_that_means_nothing_is_an_error_that_names_what_there_is() {
        for name in ["rsX", "web/mongod-27017", "mongod-1"] {
            let error = sources(&sample(), &[name.to_string()]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("rsA"), "{error}");
        }
    }

    #[test]
    fn since_asks_for_all_lines_from_a_moment_on() {
        let since = Some(Timestamp::from_second(1000).unwrap());
        let reach = Reach { lines: None, since };
        assert!(journal(None, &reach, false).contains(&"--since=@1000".to_string()));
        assert!(journal(None, &reach, false).contains(&"--lines=all".to_string()));
        assert_eq!(file("/l", &reach, false)[4..], ["/l", "+1", "1000"]);
        assert_eq!(file("/l", &Reach::default(), true), ["tail", "-n", "50", "-F", "--", "/l"]);
    }
}
