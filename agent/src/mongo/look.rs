//! Looking at one mongod.
//!
//! Who lets whom in, measured with mongod 6.0.5 over 127.0.0.1 without a login:
//!
//! | mongod | `replSetGetStatus` | `replSetGetConfig` |
//! | --- | --- | --- |
//! | with authentication, no user yet | answers, or 94 (not initiated), or 76 (no set) | 13 |
//! | with authentication and users | 13 | 13 |
//! | without authentication | answers, or 94, or 76 | answers, or 94, or 76 |
//!
//! The localhost exception grants `replSetGetStatus` and `replSetConfigure` besides the making of a first user, and
//! ends with that user. So the two commands tell the three cases apart by error codes alone, without writing. A login
//! fails with the same error 18 whether the user is unknown or the password wrong, also where authentication is off.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use protocol::{Access, Credential, LoginSeen, MemberStatus, Mongod, MongodAbsence, MongodQuery, Role, Security};

use super::connect::{Error, Login, Peer};
use super::hello::Hello;
use super::{code, config};

/// Asks a mongod for all that an inspection tells of it.
pub async fn look(query: &MongodQuery) -> Result<Mongod, MongodAbsence> {
    let anybody = Peer::local(query.port, None).await.map_err(absence)?;
    let hello = anybody.hello().await.map_err(absence)?;
    let security = security(&anybody).await;
    let known = match &query.credential {
        None => Err("it requires authentication".to_owned()),
        Some(credential) => match Login::read(credential) {
            Ok(login) => with_login(query.port, &login).await,
            Err(failure) => Err(failure.to_string()),
        },
    };
    let knows_us = known.is_ok();
    let (peer, access) = match known {
        Ok(peer) => (peer, Access::Granted),
        Err(why) => (anybody.clone(), refused_unless_open(&anybody, why).await),
    };
    // Without users nobody is let in; without authentication nobody is asked. Users reach secondaries late.
    let asks = hello.is_writable_primary && (knows_us || matches!(access, Access::Refused(_)));
    let logins = async { if asks { try_logins(query).await } else { BTreeMap::new() } };
    let (seen, logins) = tokio::join!(describe(&peer, hello, access), logins);
    Ok(Mongod { security, knows_us, logins, ..seen })
}

/// Tries passwords, all at once.
async fn try_logins(query: &MongodQuery) -> BTreeMap<String, LoginSeen> {
    let tried = query.logins.iter().map(|one| async { (one.user.clone(), try_login(query.port, one).await) });
    join_all(tried).await.into_iter().collect()
}

async fn try_login(port: u16, credential: &Credential) -> LoginSeen {
    let login = match Login::read(credential) {
        Ok(login) => login,
        Err(failure) => return LoginSeen::Unknown(failure.to_string()),
    };
    let tried = async { Peer::local(port, Some(&login)).await?.ask(doc! { "ping": 1 }).await };
    match tried.await {
        Ok(_) => LoginSeen::Taken,
        Err(Error::Login(why)) => LoginSeen::Refused(why),
        Err(error) => LoginSeen::Unknown(error.to_string()),
    }
}

/// Whether a mongod asks for passwords: only one that doesn't tells anybody how it was started, also before it has a
/// user.
async fn security(anybody: &Peer) -> Option<Security> {
    match anybody.ask(doc! { "getCmdLineOpts": 1 }).await {
        Ok(answer) => {
            let security = answer.get_document("parsed").and_then(|parsed| parsed.get_document("security"));
            let changes = security.is_ok_and(|security| security.get_bool("transitionToAuth").unwrap_or(false));
            Some(if changes { Security::Transition } else { Security::Open })
        }
        Err(error) => (error.code() == Some(code::UNAUTHORIZED)).then_some(Security::Enforced),
    }
}

fn absence(error: Error) -> MongodAbsence {
    match error {
        Error::NotListening => MongodAbsence::NotListening,
        other => MongodAbsence::NotAnswering(other.to_string()),
    }
}

async fn with_login(port: u16, login: &Login) -> Result<Peer, String> {
    let peer = Peer::local(port, Some(login)).await.map_err(|error| error.to_string())?;
    peer.ask(doc! { "ping": 1 }).await.map_err(|error| error.to_string())?;
    Ok(peer)
}

async fn refused_unless_open(anybody: &Peer, why: String) -> Access {
    match without_login(anybody).await {
        Access::Refused(_) => Access::Refused(why),
        open => open,
    }
}

/// How a mongod takes somebody without a login (see the table above).
pub async fn without_login(anybody: &Peer) -> Access {
    let refuses = |answer: Result<Document, Error>| answer.is_err_and(|error| error.code() == Some(code::UNAUTHORIZED));
    if refuses(anybody.ask(doc! { "replSetGetStatus": 1 }).await) {
        return Access::Refused("it requires authentication".into());
    }
    if refuses(anybody.ask(doc! { "replSetGetConfig": 1 }).await) {
        return Access::NoUsers;
    }
    Access::Granted
}

/// What is not answered, for want of rights or because the member is not that far, is left out.
async fn describe(peer: &Peer, hello: Hello, access: Access) -> Mongod {
    let version = peer.ask(doc! { "buildInfo": 1 }).await;
    let config = peer.ask(doc! { "replSetGetConfig": 1 }).await;
    let status = peer.ask(doc! { "replSetGetStatus": 1 }).await;
    let users = match access {
        Access::Granted => peer.ask(doc! { "usersInfo": { "forAllDBs": true } }).await.ok(),
        _ => None,
    };
    let databases = match (&hello.set_name, &access) {
        (None, Access::Granted) => databases(peer).await,
        _ => Vec::new(),
    };
    Mongod {
        databases,
        version: version.ok().and_then(|info| info.get_str("version").ok().map(str::to_owned)).unwrap_or_default(),
        set_name: hello.set_name,
        writable: hello.is_writable_primary,
        secondary: hello.secondary,
        primary: hello.primary,
        access,
        config: config.ok().and_then(|answer| config::from_document(answer.get_document("config").ok()?).ok()),
        too_stale: status.as_ref().is_ok_and(|status| status.get_bool("tooStale").unwrap_or_default()),
        members: status.map(|status| members(&status)).unwrap_or_default(),
        users: users.map(|answer| users_of(&answer)),
        logins: BTreeMap::new(),
        security: None,
        knows_us: false,
    }
}

/// The names of the databases that are not mongod's own.
async fn databases(peer: &Peer) -> Vec<String> {
    let Ok(answer) = peer.ask(doc! { "listDatabases": 1, "nameOnly": true }).await else { return Vec::new() };
    let names = documents(&answer, "databases").filter_map(|database| database.get_str("name").ok());
    names.filter(|name| !["admin", "config", "local"].contains(name)).map(str::to_owned).collect()
}

/// The members in an answer to `replSetGetStatus`.
pub fn members(status: &Document) -> Vec<MemberStatus> {
    documents(status, "members")
        .filter_map(|member| {
            Some(MemberStatus {
                host: member.get_str("name").ok()?.to_owned(),
                state: member.get_str("stateStr").ok()?.to_owned(),
                healthy: member.get_f64("health").is_ok_and(|health| health > 0.0),
                optime_ms: member.get_datetime("optimeDate").ok().map(|time| time.timestamp_millis()),
            })
        })
        .collect()
}

/// The users in an answer to `usersInfo`, by `database.name`, their roles in order.
pub fn users_of(answer: &Document) -> BTreeMap<String, Vec<Role>> {
    documents(answer, "users")
        .filter_map(|user| {
            let mut roles: Vec<Role> = documents(user, "roles")
                .filter_map(|role| {
                    Some(Role { role: role.get_str("role").ok()?.to_owned(), db: role.get_str("db").ok()?.to_owned() })
                })
                .collect();
            roles.sort_unstable();
            Some((format!("{}.{}", user.get_str("db").ok()?, user.get_str("user").ok()?), roles))
        })
        .collect()
}

fn documents<'d>(document: &'d Document, field: &str) -> impl Iterator<Item = &'d Document> {
    document.get_array(field).into_iter().flatten().filter_map(|item| item.as_document())
}
