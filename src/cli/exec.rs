//! `distctl exec`

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::attach::attach;
use super::{Context, line};
use crate::incus::{Client, Command};
use crate::topology;
use crate::ui::{Advise, Exit};

/// Runs a command in a container and ends with its exit code.
///
/// Its output and its errors stay apart, what is piped in reaches it, and signals are passed on. It gets a terminal
/// where distctl has one on both ends.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl exec db1 -- systemctl status mongod-27017")]
pub struct Exec {
    /// The container.
    container: String,

    /// Run as this user, by name or number [default: root]
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Run in this directory [default: the user's home]
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<String>,

    /// Set a variable; may be given more than once
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,

    /// Give it a terminal, even where distctl has none
    #[arg(short = 't', long, conflicts_with = "no_terminal")]
    terminal: bool,

    /// Give it no terminal
    #[arg(short = 'T', long)]
    no_terminal: bool,

    /// The command and its arguments; no shell is involved.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Exec {
    /// Runs it.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        known(context, &self.container)?;
        let client = line::connect(context).await?;
        let with_terminal = !self.no_terminal && (self.terminal || context.ui.has_terminal());
        let mut command = Command { cwd: self.cwd, ..Command::new(self.command) };
        if let Some(user) = &self.user {
            User::find(&client, &self.container, user).await?.take(&mut command);
        }
        command.environment.extend(self.environment);
        attach(context, &client, &self.container, command, with_terminal).await
    }
}

/// Refuses a container that is not in the topology.
fn known(context: &Context, name: &str) -> Result<()> {
    let topology = topology::load_without_files(&context.file)?;
    if topology.containers.get(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = topology.containers.iter().map(|(name, _)| name).collect();
    Err(anyhow::anyhow!("{} has no container named {name}", *topology.name))
        .hint(format!("it has {}", known.join(", ")))
}

/// A user of a guest, as its user database has it.
#[derive(Debug, Default, PartialEq, Eq)]
struct User {
    name: Option<String>,
    uid: u32,
    gid: u32,
    home: Option<String>,
}

impl User {
    /// Looks a user up in a guest. A number that no user has is taken as it is.
    async fn find(client: &Client, container: &str, user: &str) -> Result<Self> {
        let asked = client.run(container, &["getent", "passwd", user], Vec::new()).await;
        let found = asked.with_context(|| format!("the users of {container} could not be looked up"))?;
        match (Self::parse(&String::from_utf8_lossy(&found.stdout)), user.parse()) {
            (Some(known), _) => Ok(known),
            (None, Ok(number)) => Ok(Self { uid: number, gid: number, ..Self::default() }),
            (None, Err(_)) => bail!("{container} has no user {user}"),
        }
    }

    /// Reads a line of the user database: `name:password:uid:gid:comment:home:shell`.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim_end().split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        let (name, home) = (Some(name.to_string()), Some(home.to_string()));
        Some(Self { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    }

    /// Makes the user run a command, at home.
    fn take(self, command: &mut Command) {
        (command.user, command.group) = (self.uid, self.gid);
        let known = [("USER", self.name), ("HOME", self.home.clone())];
        let known = known.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?)));
        command.environment.extend(known.collect::<BTreeMap<_, _>>());
        command.cwd = command.cwd.take().or(self.home);
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write NAME=VALUE".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_user_database_is_read() {
        let user = User::parse("mongodb:x:101:103:MongoDB:/var/lib/mongodb:/bin/false\n").unwrap();
        assert_eq!((user.uid, user.gid, user.home.as_deref()), (101, 103, Some("/var/lib/mongodb")));
        assert_eq!(User::parse(""), None);
        assert_eq!(User::parse("mongodb:x:many:103::/:"), None);
    }

    #[test]
    fn a_user_runs_a_command_at_home_unless_a_directory_is_given() {
        let user = || User { name: Some("ana".into()), uid: 7, gid: 8, home: Some("/home/ana".into()) };
        let mut command = Command::new(["id"]);
        user().take(&mut command);
        assert_eq!((command.user, command.group, command.cwd.as_deref()), (7, 8, Some("/home/ana")));
        assert_eq!(command.environment["USER"], "ana");
        let mut command = Command { cwd: Some("/tmp".into()), ..Command::new(["id"]) };
        user().take(&mut command);
        assert_eq!(command.cwd.as_deref(), Some("/tmp"));
    }

    #[test]
    fn a_variable_has_a_name_and_may_have_an_equals_sign_in_its_value() {
        assert_eq!(variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(variable("A").is_err() && variable("=b").is_err());
    }
}
