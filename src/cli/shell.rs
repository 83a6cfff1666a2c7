//! `distctl shell`

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::attach::attach;
use super::line::Stage;
use super::{Context, logs};
use crate::desired::{Access, Desired, Mongod};
use crate::incus::{Client, Command};
use crate::ui::{Advise, Exit};

/// Opens a shell of a database.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl shell mongo rsA -- --quiet --eval 'rs.status().ok'")]
pub struct Shell {
    #[command(subcommand)]
    kind: Kind,
}

/// Which shell.
#[derive(Debug, Subcommand)]
enum Kind {
    Mongo(Mongo),
}

/// Opens mongosh as the administrator of a replica set, of one of its members or of a standalone.
///
/// It runs in a container of the database, which must have mongosh: an artifact named `mongosh` in the topology is put
/// there by `up`. The password is read inside the guest and shows in no list of processes.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl shell mongo rsA/db2:27018")]
pub struct Mongo {
    /// The replica set or standalone, or a member: `rsA/27018`, `rsA/db2`, `db2:27018`.
    name: String,

    /// Arguments for mongosh; with `--eval` or `--file` it ends when that is done.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

impl Shell {
    /// Opens it.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let Kind::Mongo(mongo) = self.kind;
        mongo.run(context).await
    }
}

impl Mongo {
    async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let database = Database::named(&stage.desired, &self.name)?;
        let client = &stage.guests.client;
        let (container, program) = database.find_mongosh(context, client).await?;
        let command = Command::new(database.command(&program, self.arguments));
        attach(context, client, container, command, context.ui.has_terminal()).await
    }
}

/// What a shell is opened on.
struct Database<'d> {
    name: &'d str,
    /// The name that its members give their set; `None` for a standalone, or where one member is meant.
    set: Option<&'d str>,
    /// The mongods to connect to.
    mongods: Vec<&'d Mongod>,
    /// The containers that have the administrator's password, the nearest first.
    containers: Vec<&'d str>,
    access: Option<&'d Access>,
}

impl<'d> Database<'d> {
    fn named(desired: &'d Desired, name: &str) -> Result<Self> {
        let all: Vec<Self> = Self::all(desired).collect();
        let known: Vec<&str> = all.iter().map(|one| one.name).collect();
        let known = known.join(", ");
        if let Some(at) = all.iter().position(|one| one.name == name) {
            return all.into_iter().nth(at).with_context(|| format!("there is no {name}"));
        }
        let (owner, member) = match name.split_once('/') {
            Some((owner, member)) if all.iter().any(|one| one.name == owner) => (Some(owner), member),
            _ => (None, name),
        };
        let databases: Vec<&Self> = all.iter().filter(|one| owner.is_none_or(|owner| owner == one.name)).collect();
        let meant: Vec<Self> = databases.iter().flat_map(|one| one.members_named(member)).collect();
        let members = || {
            databases
                .iter()
                .flat_map(|one| one.mongods.iter().map(|mongod| one.member(mongod)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (meant.len(), owner) {
            (1, _) => meant.into_iter().next().with_context(|| format!("there is no {name}")),
            (0, Some(owner)) => bail!("{owner} has no member {member}; it has {}", members()),
            (0, None) => {
                desired.check_names(&[name.to_string()])?;
                bail!("{name} has no mongod; name a replica set, a standalone or a member: {known}")
            }
            _ => {
                let meant = meant
                    .iter()
                    .flat_map(|one| one.mongods.iter().map(|mongod| one.member(mongod)))
                    .collect::<Vec<_>>()
                    .join(", ");
                bail!("{name} may be several mongods: {meant}")
            }
        }
    }

    /// All sets and standalones.
    fn all(desired: &'d Desired) -> impl Iterator<Item = Self> {
        let sets = desired.replica_sets.values().map(|set| {
            let mongods = set.members.iter().collect();
            Self::of(&set.name, Some(&set.name), mongods, set.access.as_ref())
        });
        let singles = desired.standalones.values();
        sets.chain(singles.map(|one| Self::of(&one.name, None, vec![&one.mongod], one.access.as_ref())))
    }

    fn of(name: &'d str, set: Option<&'d str>, mongods: Vec<&'d Mongod>, access: Option<&'d Access>) -> Self {
        let mut containers: Vec<&str> = mongods.iter().map(|mongod| mongod.container.as_str()).collect();
        containers.sort_unstable();
        containers.dedup();
        Self { name, set, mongods, containers, access }
    }

    /// Its members of a name: a port, a container, both (`db1:27018`), or a unit (`mongod-27018`, `db1/mongod-27018`).
    fn members_named(&self, name: &str) -> Vec<Self> {
        let is_meant = |mongod: &Mongod| {
            let (container, port) = (&mongod.container, mongod.port);
            let unit = mongod.unit.trim_end_matches(".service");
            let names = [port.to_string(), container.clone(), format!("{container}:{port}"), mongod.host.clone()];
            names.iter().any(|one| one == name) || name == unit || *name == format!("{container}/{unit}")
        };
        let meant = self.mongods.iter().filter(|mongod| is_meant(mongod));
        meant.map(|mongod| self.only(mongod)).collect()
    }

    /// The same database, with one of its members to connect to. Other containers of the set have the password too.
    fn only(&self, mongod: &'d Mongod) -> Self {
        let own = mongod.container.as_str();
        let others = self.containers.iter().copied().filter(|other| *other != own);
        let containers = std::iter::once(own).chain(others).collect();
        Self { name: self.name, set: None, mongods: vec![mongod], containers, access: self.access }
    }

    /// A member as it is named on the command line.
    fn member(&self, mongod: &Mongod) -> String {
        format!("{}/{}:{}", self.name, mongod.container, mongod.port)
    }

    /// Looks for a container that has mongosh.
    async fn find_mongosh(&self, context: &Context, client: &Client) -> Result<(&'d str, String)> {
        let mut without = Vec::new();
        for container in self.containers.iter().copied() {
            match client.run(container, &["sh", "-c", "command -v mongosh || true"], Vec::new()).await {
                // Not by its code: Incus makes an error of its own of 127.
                Ok(found) if !found.stdout.is_empty() => {
                    return Ok((container, String::from_utf8_lossy(&found.stdout).trim().to_string()));
                }
                Ok(_) => without.push(container),
                Err(error) => context.ui.warn(format!("{container} can't be asked for mongosh: {}", logs::why(&error))),
            }
        }
        let Some(container) = without.first() else {
            return Err(anyhow::anyhow!("no container of {} can be asked", self.name)).hint("see `distctl status`");
        };
        Err(anyhow::anyhow!("there is no mongosh in {}", without.join(", "))).hint(format!(
            "add it to the topology and run `distctl up`: `artifacts: {{ mongosh: {{ path: artifacts/mongosh }} }}`, with \
             MongoDB's own binary there; or put it into one container: `distctl exec {container} -- sh -c 'cat \
             >/usr/local/bin/mongosh && chmod 755 /usr/local/bin/mongosh' < mongosh`"
        ))
    }

    /// mongosh with what connects it. Only the path of the password stands in it.
    fn command(&self, program: &str, arguments: Vec<String>) -> Vec<String> {
        let mut command = vec![program.to_string(), "--nodb".to_string(), "--eval".to_string(), self.connect()];
        let ends = arguments.iter().any(|argument| {
            ["--eval", "--file", "-f"]
                .iter()
                .any(|option| argument == option || argument.starts_with(&format!("{option}=")))
        });
        if !ends {
            command.push("--shell".to_string());
        }
        command.extend(arguments);
        command
    }

    /// The line of JavaScript that connects. Strings of JSON are strings of JavaScript.
    fn connect(&self) -> String {
        let hosts: Vec<&str> = self.mongods.iter().map(|mongod| mongod.host.as_str()).collect();
        let way = match self.set {
            Some(set) => format!("replicaSet={set}"),
            None => "directConnection=true".to_string(),
        };
        let uri = json!(format!("mongodb://{}/test?{way}&authSource=admin&appName=distctl", hosts.join(",")));
        match self.access {
            None => format!("db = connect({uri})"),
            Some(Access { admin, .. }) => format!(
                "db = connect({uri}, {}, require('fs').readFileSync({}, 'utf8').trim())",
                json!(admin.user),
                json!(admin.password_file),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mongod(port: u16) -> Mongod {
        let (unit, log, data) = (format!("mongod-{port}.service"), String::new(), String::new());
        Mongod { container: "db1".into(), port, host: format!("10.0.0.2:{port}"), unit, log, data }
    }

    #[test]
    fn a_set_is_connected_to_by_all_its_members() {
        let (one, two) = (mongod(27017), mongod(27018));
        let set = Database::of("rsA", Some("rsA"), vec![&one, &two], None);
        assert_eq!(
            set.connect(),
            "db = connect(\"mongodb://10.0.0.2:27017,10.0.0.2:27018/test?replicaSet=rsA&authSource=admin&appName=distctl\")"
        );
    }

    #[test]
    fn a_member_is_connected_to_directly_from_its_own_container() {
        let (one, two) = (mongod(27017), Mongod { container: "db2".into(), ..mongod(27018) });
        let set = Database::of("rsA", Some("rsA"), vec![&one, &two], None);
        for name in ["27018", "db2", "db2:27018", "mongod-27018", "db2/mongod-27018", "10.0.0.2:27018"] {
            let [member] = &set.members_named(name)[..] else { panic!("{name} is not one member") };
            assert_eq!(member.containers, ["db2", "db1"], "{name}");
            assert!(member.connect().contains("10.0.0.2:27018/test?directConnection=true"), "{}", member.connect());
        }
        assert!(set.members_named("db3").is_empty() && set.members_named("2701").is_empty());
        assert_eq!(set.members_named("db2").iter().map(|one| one.member(&two)).collect::<Vec<_>>(), ["rsA/db2:27018"]);
    }

    #[test]
    fn a_password_is_read_in_the_guest() {
        let one = mongod(27017);
        let admin = protocol::Credential { user: "admin".into(), password_file: "/secrets/users.admin".into() };
        let access = Access { agent: admin.clone(), admin, users: Vec::new() };
        let single = Database::of("users", None, vec![&one], Some(&access));
        let end = ", \"admin\", require('fs').readFileSync(\"/secrets/users.admin\", 'utf8').trim())";
        assert!(single.connect().ends_with(end), "{}", single.connect());
    }

    #[test]
    fn mongosh_stays_open_unless_it_is_given_something_to_do() {
        let one = mongod(27017);
        let single = Database::of("users", None, vec![&one], None);
        let stays = |arguments: &[&str]| {
            let arguments = arguments.iter().map(ToString::to_string).collect();
            single.command("mongosh", arguments).contains(&"--shell".to_string())
        };
        assert!(stays(&[]) && stays(&["--quiet"]));
        assert!(!stays(&["--eval", "1"]) && !stays(&["--eval=1"]) && !stays(&["--file", "x.js"]));
    }
}
