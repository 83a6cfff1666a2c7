//! Watching the members of a set: who is primary when.

use std::time::Duration;

use protocol::{Seen, SeenState};
use tokio::time::timeout;

use super::recorder::Recorder;
use crate::clock;
use crate::mongo::connect::Peer;
use crate::mongo::hello::Hello;

/// How often each member is asked.
const EVERY: Duration = Duration::from_millis(50);

/// How long a member may take before it counts as silent.
const PATIENCE: Duration = Duration::from_millis(300);

/// Asks one member again and again, and records when it answers otherwise than before.
pub async fn member(host: &str, recorder: &Recorder) {
    let mut before = None;
    let mut peer = None;
    loop {
        let (state, term) = ask(host, &mut peer).await;
        if before != Some((state, term)) {
            before = Some((state, term));
            recorder.see(Seen { when: clock::now(), host: host.to_owned(), state, term });
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn ask(host: &str, peer: &mut Option<Peer>) -> (SeenState, Option<i64>) {
    if peer.is_none() {
        *peer = timeout(PATIENCE, Peer::connect(host, None)).await.ok().and_then(Result::ok);
    }
    let Some(connected) = peer.as_ref() else { return (SeenState::Silent, None) };
    match timeout(PATIENCE, connected.hello()).await {
        Ok(Ok(hello)) => (state(&hello), term(&hello)),
        _ => {
            *peer = None;
            (SeenState::Silent, None)
        }
    }
}

fn state(hello: &Hello) -> SeenState {
    match hello {
        Hello { is_writable_primary: true, .. } => SeenState::Primary,
        Hello { secondary: true, .. } => SeenState::Secondary,
        _ => SeenState::Other,
    }
}

/// The term of the election that made it primary: the last eight bytes of the election's id.
fn term(hello: &Hello) -> Option<i64> {
    let bytes = hello.election_id?.bytes();
    Some(i64::from_be_bytes(bytes[4..].try_into().ok()?))
}
