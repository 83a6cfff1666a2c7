//! `distctl shell`

use std::collections::BTreeSet;

use anyhow::{Result, bail};
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

/// Opens mongosh as the administrator of a replica set or a standalone, in a container of its own.
///
/// The container must have mongosh. The password is read inside the guest and shows in no list of processes.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl shell mongo rsA")]
pub struct Mongo {
    /// The replica set or standalone.
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
    /// The name that its members give their set; `None` for a standalone.
    set: Option<&'d str>,
    mongods: Vec<&'d Mongod>,
    access: Option<&'d Access>,
}

impl<'d> Database<'d> {
    fn named(desired: &'d Desired, name: &str) -> Result<Self> {
        if let Some(set) = desired.replica_sets.get(name) {
            let mongods = set.members.iter().collect();
            return Ok(Self { name: &set.name, set: Some(&set.name), mongods, access: set.access.as_ref() });
        }
        if let Some(one) = desired.standalones.get(name) {
            return Ok(Self { name: &one.name, set: None, mongods: vec![&one.mongod], access: one.access.as_ref() });
        }
        desired.check_names(&[name.to_string()])?;
        let known: Vec<&str> =
            desired.replica_sets.keys().chain(desired.standalones.keys()).map(String::as_str).collect();
        bail!("{name} is a container; name a replica set or a standalone: {}", known.join(", "))
    }

    fn containers(&self) -> BTreeSet<&'d str> {
        self.mongods.iter().map(|mongod| mongod.container.as_str()).collect()
    }

    /// Looks for a container that has mongosh.
    async fn find_mongosh(&self, context: &Context, client: &Client) -> Result<(&'d str, String)> {
        let mut without = Vec::new();
        for container in self.containers() {
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
            "put MongoDB's own binary into it: `distctl exec {container} -- sh -c 'cat >/usr/local/bin/mongosh && \
             chmod 755 /usr/local/bin/mongosh' < mongosh`; or name its package under `packages:`, if the image has a \
             source for it"
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
        let set = Database { name: "rsA", set: Some("rsA"), mongods: vec![&one, &two], access: None };
        assert_eq!(
            set.connect(),
            "db = connect(\"mongodb://10.0.0.2:27017,10.0.0.2:27018/test?replicaSet=rsA&authSource=admin&appName=distctl\")"
        );
    }

    #[test]
    fn a_password_is_read_in_the_guest() {
        let one = mongod(27017);
        let admin = protocol::Credential { user: "admin".into(), password_file: "/secrets/users.admin".into() };
        let access = Access { agent: admin.clone(), admin, users: Vec::new() };
        let single = Database { name: "users", set: None, mongods: vec![&one], access: Some(&access) };
        let end = ", \"admin\", require('fs').readFileSync(\"/secrets/users.admin\", 'utf8').trim())";
        assert!(single.connect().ends_with(end), "{}", single.connect());
    }

    #[test]
    fn mongosh_stays_open_unless_it_is_given_something_to_do() {
        let one = mongod(27017);
        let single = Database { name: "users", set: None, mongods: vec![&one], access: None };
        let stays = |arguments: &[&str]| {
            let arguments = arguments.iter().map(ToString::to_string).collect();
            single.command("mongosh", arguments).contains(&"--shell".to_string())
        };
        assert!(stays(&[]) && stays(&["--quiet"]));
        assert!(!stays(&["--eval", "1"]) && !stays(&["--eval=1"]) && !stays(&["--file", "x.js"]));
    }
}
