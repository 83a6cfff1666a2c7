//! Users: created, and brought back to their passwords and roles.

use std::collections::BTreeMap;

use mongodb::bson::{Document, doc};
use protocol::{AGENT_ROLE, Access, EnsureUsersRequest, Failure, Role, UserSpec};

use super::attempt::{Missed, keep_trying};
use super::connect::{Error, Login, Peer};
use super::primary::Census;
use super::{code, look, roles};
use crate::call::progress;
use crate::deadline::Deadline;

/// Creates the users that are missing and corrects the others; the first one over the localhost exception.
pub async fn ensure(request: &EnsureUsersRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let users = Users::read(request)?;
    keep_trying(deadline, async || users.try_once().await).await
}

/// The request with the passwords that its files hold.
struct Users<'r> {
    request: &'r EnsureUsersRequest,
    admin: Login,
    logins: Vec<Login>,
    object: String,
}

impl<'r> Users<'r> {
    fn read(request: &'r EnsureUsersRequest) -> Result<Self, Failure> {
        let logins = request.users.iter().map(|user| Login::read(&user.credential)).collect::<Result<_, _>>()?;
        let object = match &request.set {
            Some(set) => format!("users of replica set {}", set.name),
            None => format!("users of the mongod on port {}", request.port),
        };
        Ok(Self { request, admin: Login::read(&request.admin)?, logins, object })
    }

    fn everyone(&self) -> impl Iterator<Item = (&'r UserSpec, &Login)> {
        self.request.users.iter().zip(&self.logins)
    }

    async fn try_once(&self) -> Result<(), Missed> {
        let host = self.primary().await?;
        let admin = self.log_in(&host).await?;
        let known = admin.ask(doc! { "usersInfo": 1 }).await.map_err(|error| self.miss(&host, &error))?;
        let known = look::users_of(&known);
        if self.request.users.iter().flat_map(|user| &user.roles).any(is_agents) {
            roles::ensure(&admin).await.map_err(|error| self.miss(AGENT_ROLE, &error))?;
        }
        for (user, login) in self.everyone() {
            self.ensure_user(&admin, &known, user, login).await.map_err(|error| self.miss(&login.user, &error))?;
        }
        Ok(())
    }

    /// Where users can be made: here if this mongod takes writes, else at the set's primary.
    async fn primary(&self) -> Result<String, Missed> {
        let local = format!("127.0.0.1:{}", self.request.port);
        let hello = super::hello::of(&local).await.map_err(|error| self.miss(&local, &error))?;
        let Some(set) = self.request.set.as_ref().filter(|_| !hello.is_writable_primary) else {
            return Ok(local);
        };
        let census = Census::of_set(&set.name, &set.hosts).await;
        census.primary(&set.name).map(str::to_owned).ok_or_else(|| {
            Missed::Yet(Failure::new(&self.object, format!("there is no primary: {}", census.describe())))
        })
    }

    /// Logs in as the administrator, who is made first where there is no user yet.
    async fn log_in(&self, host: &str) -> Result<Peer, Missed> {
        let admin = Peer::connect(host, Some(&self.admin)).await.map_err(|error| self.miss(host, &error))?;
        let refusal = match admin.ask(doc! { "ping": 1 }).await {
            Ok(_) => return Ok(admin),
            Err(Error::Login(why)) => why,
            Err(error) => return Err(self.miss(host, &error)),
        };
        let anybody = Peer::connect(host, None).await.map_err(|error| self.miss(host, &error))?;
        match look::without_login(&anybody).await {
            Access::NoUsers => self.create_admin(&anybody).await?,
            // It asks nobody yet: users are made before it does. One of an earlier time may have another password.
            Access::Granted => self.put_admin(&anybody).await?,
            Access::Refused(_) => return Err(self.refused(host, &refusal)),
        }
        // The connections of the first client have all been refused.
        Peer::connect(host, Some(&self.admin)).await.map_err(|error| self.miss(host, &error))
    }

    async fn create_admin(&self, anybody: &Peer) -> Result<(), Missed> {
        let first = self.everyone().next().filter(|(user, _)| user.credential.user == self.admin.user);
        let Some((user, login)) = first else {
            let cause = format!("the first user must be the administrator {}", self.admin.user);
            return Err(Missed::Ever(Failure::new(&self.object, cause)));
        };
        progress(format!("creating the administrator {}", login.user));
        match anybody.ask(with_roles("createUser", login, &user.roles)).await {
            // Somebody was quicker, or an earlier try came through although its answer did not.
            Err(error) if error.code() == Some(code::USER_EXISTS) => Ok(()),
            other => other.map(drop).map_err(|error| self.miss(&login.user, &error)),
        }
    }

    async fn put_admin(&self, anybody: &Peer) -> Result<(), Missed> {
        self.create_admin(anybody).await?;
        let Some((user, login)) = self.everyone().next() else { return Ok(()) };
        let put = anybody.ask(with_roles("updateUser", login, &user.roles)).await;
        put.map(drop).map_err(|error| self.miss(&login.user, &error))
    }

    async fn ensure_user(
        &self,
        admin: &Peer,
        known: &BTreeMap<String, Vec<Role>>,
        user: &UserSpec,
        login: &Login,
    ) -> Result<(), Error> {
        let Some(roles) = known.get(&format!("admin.{}", login.user)) else {
            progress(format!("creating the user {}", login.user));
            return match admin.ask(with_roles("createUser", login, &user.roles)).await {
                Err(error) if error.code() == Some(code::USER_EXISTS) => {
                    admin.ask(with_roles("updateUser", login, &user.roles)).await.map(drop)
                }
                other => other.map(drop),
            };
        };
        let mut wanted = user.roles.clone();
        wanted.sort_unstable();
        if *roles == wanted && can_log_in(&admin.host, login).await? {
            return Ok(());
        }
        progress(format!("correcting the user {}", login.user));
        admin.ask(with_roles("updateUser", login, &user.roles)).await.map(drop)
    }

    fn miss(&self, what: &str, error: &Error) -> Missed {
        let failure = Failure::new(&self.object, format!("{what}: {error}"));
        if error.is_transient() { Missed::Yet(failure) } else { Missed::Ever(failure) }
    }

    /// Users that reach a member late, after an election for instance, look like a wrong password for a moment; the
    /// primary has them.
    fn refused(&self, host: &str, why: &str) -> Missed {
        let (user, file) = (&self.admin.user, &self.request.admin.password_file);
        Missed::Ever(
            Failure::new(&self.object, format!("{host} has users but does not let {user} in: {why}")).with_hint(
                format!(
                    "put the password that mongod knows for {user} into {file}, or change it in mongod with \
                 db.changeUserPassword(\"{user}\", ...) to what the file says"
                ),
            ),
        )
    }
}

fn is_agents(role: &Role) -> bool {
    role.role == AGENT_ROLE && role.db == "admin"
}

async fn can_log_in(host: &str, login: &Login) -> Result<bool, Error> {
    match Peer::connect(host, Some(login)).await?.ask(doc! { "ping": 1 }).await {
        Ok(_) => Ok(true),
        Err(Error::Login(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Only the stronger of mongod's two mechanisms: all drivers since 2018 speak it. Of a set that has just begun, the other
/// members copy users along with everything else: they are not waited for here, but when the set is. Should the
/// primary be lost before, the user is missing at the next look and made again.
fn with_roles(command: &str, login: &Login, roles: &[Role]) -> Document {
    let roles: Vec<Document> =
        roles.iter().map(|role| doc! { "role": role.role.clone(), "db": role.db.clone() }).collect();
    let mut document = Document::new();
    document.insert(command, login.user.clone());
    document.extend(doc! { "pwd": login.password.clone(), "roles": roles, "mechanisms": ["SCRAM-SHA-256"] });
    document.insert("writeConcern", doc! { "w": 1 });
    document
}
