//! Users from the command line.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use mongodb::bson::DateTime;

use crate::passwords::Passwords;
use crate::store::{Error, Users};
use crate::user::{Role, User};
use crate::{rules, settings};

/// The longest line that is read as a password, in bytes; the rules are stricter.
const LINE: u64 = 1024;

/// Which user to make.
#[derive(clap::Args)]
pub struct Arguments {
    /// Makes an administrator; one who is there already gets this password.
    #[arg(long)]
    admin: bool,
    /// The user's name.
    name: String,
    /// The user's e-mail address; NAME@localhost without it.
    #[arg(long)]
    email: Option<String>,
}

/// Makes the user, and says so.
pub fn main(arguments: &Arguments) -> ExitCode {
    match create(arguments) {
        Ok(said) => {
            let _ = writeln!(std::io::stdout(), "{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "auth-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn create(arguments: &Arguments) -> anyhow::Result<String> {
    let password = line(std::io::stdin().lock())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("can't begin")?;
    let made = runtime.block_on(make(arguments, &password));
    // The driver's monitors would otherwise be waited for.
    runtime.shutdown_background();
    made
}

async fn make(arguments: &Arguments, password: &str) -> anyhow::Result<String> {
    let username = rules::username(&arguments.name).map_err(anyhow::Error::msg)?;
    let email = match &arguments.email {
        Some(email) => rules::email(email).map_err(anyhow::Error::msg)?,
        None => format!("{}@localhost", username.to_lowercase()),
    };
    rules::password(password).map_err(anyhow::Error::msg)?;
    let users = settings::users().await?;
    users.ensure_indexes().await?;
    let role = if arguments.admin { Role::Admin } else { Role::User };
    if let Some(user) = users.find(&username).await? {
        return again(&users, &user, role, password).await;
    }
    let hash = hash(password).await?;
    let user = User { username: username.clone(), email, password: hash, role, created_at: DateTime::now() };
    match users.insert(&user).await {
        Ok(()) => Ok(format!("{username} was made, with the role {}", role.name())),
        Err(Error::NameTaken) => again(&users, &user, role, password).await,
        Err(Error::EmailTaken) => bail!("{} belongs to another user: give another --email", user.email),
        Err(error) => Err(error.into()),
    }
}

/// What becomes of a user that is there already. An administrator gets the password that was given: whoever runs this
/// has that password and no other, after the loss of the machine that kept the first one for instance.
async fn again(users: &Users, user: &User, role: Role, password: &str) -> anyhow::Result<String> {
    let name = &user.username;
    if role != Role::Admin {
        return Ok(format!("{name} exists already and was left as it is"));
    }
    users.reset(name, &hash(password).await?, role).await?;
    Ok(format!("{name} exists already, and has this password and the role {} now", role.name()))
}

async fn hash(password: &str) -> anyhow::Result<String> {
    let busy = |refusal: serving::Refusal| anyhow::anyhow!("{}", refusal.message());
    Passwords::new().turn().await.map_err(busy)?.hash(password).await.map_err(busy)
}

/// The first line without its end.
fn line(input: impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    let read = input.take(LINE).read_line(&mut line);
    read.map_err(|error| anyhow::anyhow!("standard input can't be read as a password: {error}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password on standard input: write it there, one line");
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn reads_one_line_without_its_end() {
        assert_eq!(line(&b"a secret \r\nmore"[..]).unwrap(), "a secret ");
        assert_eq!(line(&b"a secret"[..]).unwrap(), "a secret");
        assert!(line(&b"\n"[..]).is_err());
        assert!(line(&b""[..]).is_err());
        assert!(line(&b"\xff\xfe\n"[..]).is_err());
    }
}
