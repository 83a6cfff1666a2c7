//! The role of the agent's own user.

use mongodb::bson::{Document, doc};
use protocol::AGENT_ROLE;

use super::code;
use super::connect::{Error, Peer};

/// Creates the role, or gives it its privileges anew.
pub async fn ensure(primary: &Peer) -> Result<(), Error> {
    match primary.ask(with_privileges("createRole")).await {
        Err(error) if error.code() == Some(code::ROLE_EXISTS) => {
            primary.ask(with_privileges("updateRole")).await.map(drop)
        }
        other => other.map(drop),
    }
}

/// Enough to look at a set and its users, and to have another member take over; no data can be read or written.
fn with_privileges(command: &str) -> Document {
    let mut document = Document::new();
    document.insert(command, AGENT_ROLE);
    document.extend(doc! {
        "roles": [],
        "writeConcern": { "w": 1 },
        "privileges": [
            {
                "resource": { "cluster": true },
                // To list the users of all databases, `viewUser` must be had on the cluster (measured: error 13 otherwise).
                // `inprog`: to see over which connections other members copy. `fsync`: checkpoints.
                "actions": [
                    "replSetGetStatus", "replSetGetConfig", "replSetStateChange", "appendOplogNote", "inprog",
                    "fsync", "serverStatus", "viewUser", "viewRole",
                ],
            },
            { "resource": { "db": "", "collection": "" }, "actions": ["viewUser", "viewRole"] },
        ],
    });
    document
}
