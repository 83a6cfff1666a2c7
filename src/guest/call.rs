//! Asks an agent to do one thing and reads its lines.

use std::sync::Arc;

use protocol::{Line, Reply, Request};

use super::{Agent, Error, GuestFailure};
use crate::incus::{Client, Finished};

/// All that is needed to speak with agents.
#[derive(Clone)]
pub struct Guests {
    /// The daemon that carries the words.
    pub client: Client,
    /// The agent.
    pub agent: Arc<Agent>,
}

/// Sends one request to the agent in a container. An agent that isn't there yet is placed first, where it changes
/// nothing of the system.
pub async fn call(
    guests: &Guests,
    container: &str,
    request: &Request,
    on_progress: impl FnMut(String),
) -> Result<Reply, Error> {
    call_in_parts(guests, container, request, on_progress, |_| {}).await
}

/// The same for an answer that comes in pieces.
pub async fn call_in_parts(
    guests: &Guests,
    container: &str,
    request: &Request,
    mut on_progress: impl FnMut(String),
    mut on_part: impl FnMut(String),
) -> Result<Reply, Error> {
    let incus = |source| Error::Incus { container: container.to_string(), source };
    let input = serde_json::to_vec(request).map_err(|error| Error::Died {
        container: container.to_string(),
        code: -1,
        stderr: format!("the request can't be written as JSON: {error}"),
    })?;
    let (installed, passing) = (guests.agent.installed_path(), guests.agent.passing_path());
    let mut last = None;
    for attempt in 0..3 {
        let path = if attempt == 0 { &installed } else { &passing };
        if attempt == 2 {
            guests.agent.place(&guests.client, container).await.map_err(incus)?;
        }
        let mut answer = None;
        let mut heard = |line: &str| match serde_json::from_str(line) {
            Ok(Line::Progress(text)) => on_progress(text),
            Ok(Line::Part(text)) => on_part(text),
            Ok(Line::Done(reply)) => answer = Some(Ok(reply)),
            Ok(Line::Failed(failure)) => answer = Some(Err(failure)),
            Err(_) => {}
        };
        let ran = guests.client.run_lines(container, &[path, "call"], input.clone(), &mut heard).await;
        match (ran, answer) {
            (_, Some(Ok(reply))) => return Ok(reply),
            (_, Some(Err(failure))) => {
                return Err(GuestFailure { container: container.to_string(), failure }.into());
            }
            (Ok(finished), None) if is_unusable(&finished) => last = Some(died(container, &finished)),
            (Ok(finished), None) => return Err(died(container, &finished)),
            // What a push that was killed has left can't be run.
            (Err(error), None) if error.is_command_not_found() || error.is_command_not_executable() => {
                last = Some(incus(error));
            }
            (Err(error), None) => return Err(incus(error)),
        }
    }
    Err(last.unwrap_or_else(|| died(container, &Finished::default())))
}

/// Whether the binary could not even be run: absent, cut off half-way, or for another processor.
fn is_unusable(finished: &Finished) -> bool {
    matches!(finished.code, -1 | 126 | 127) || finished.code > 128
}

fn died(container: &str, finished: &Finished) -> Error {
    let text = String::from_utf8_lossy(&finished.stderr);
    let stderr = text.trim().lines().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("; ");
    Error::Died { container: container.to_string(), code: finished.code, stderr }
}
