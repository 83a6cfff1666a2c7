//! A replica set whose members have other addresses than it knows.

use mongodb::bson::{Bson, Document, doc};
use protocol::{Failure, RehomeRequest};

use super::connect::{Error, Login, Peer};
use crate::deadline::{Deadline, SOON};

/// Gives the members their new addresses. Nobody can be primary of a set that finds none of its members, so the
/// configuration is forced; the others take it when they hear of it. May be done twice.
pub async fn rehome(request: &RehomeRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let login = Login::read_if(request.credential.as_ref())?;
    loop {
        let error = match once(request, login.as_ref()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if matches!(error, Error::Login(_)) || !deadline.pause(SOON).await {
            let cause = format!("does not take the new addresses of its members: {error}");
            return Err(Failure::new(format!("replica set {}", request.set), cause)
                .with_hint("look with `distctl logs` at its mongods, then run the same command again"));
        }
    }
}

async fn once(request: &RehomeRequest, login: Option<&Login>) -> Result<(), Error> {
    let peer = Peer::local(request.port, login).await?;
    let mut answer = peer.ask(doc! { "replSetGetConfig": 1 }).await?;
    let config = answer.get_document_mut("config").map_err(|error| Error::Network(error.to_string()))?;
    if !readdress(config, request) {
        return Ok(());
    }
    let config = config.clone();
    peer.ask(doc! { "replSetReconfig": config, "force": true }).await.map(drop)
}

/// Puts new addresses in the places of old ones; whether there were any.
fn readdress(config: &mut Document, request: &RehomeRequest) -> bool {
    let mut changed = false;
    for member in config.get_array_mut("members").into_iter().flatten().filter_map(Bson::as_document_mut) {
        let Ok(host) = member.get_str("host") else { continue };
        let Some((address, port)) = host.rsplit_once(':') else { continue };
        let Some(new) = request.addresses.get(address) else { continue };
        let host = format!("{new}:{port}");
        member.insert("host", host);
        changed = true;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_move_and_keep_all_else() {
        let mut config = doc! { "_id": "rs", "version": 7, "members": [
            { "_id": 0, "host": "10.1.0.2:27017", "priority": 3 }, { "_id": 4, "host": "10.1.0.3:27018" },
        ] };
        let addresses = [("10.1.0.2", "10.9.0.2"), ("10.1.0.3", "10.9.0.3")];
        let addresses = addresses.map(|(old, new)| (old.to_owned(), new.to_owned())).into();
        let request = RehomeRequest { set: "rs".into(), port: 1, credential: None, addresses, timeout_ms: 1 };
        assert!(readdress(&mut config, &request));
        assert_eq!(
            config,
            doc! { "_id": "rs", "version": 7, "members": [
                { "_id": 0, "host": "10.9.0.2:27017", "priority": 3 }, { "_id": 4, "host": "10.9.0.3:27018" },
            ] }
        );
        assert!(!readdress(&mut config, &request), "it has them already");
    }
}
