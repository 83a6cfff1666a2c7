//! Trying until it works, until it never can, or until time is up.

use std::time::Duration;

use mongodb::error::{Error, ErrorKind};
use tokio::time::{Instant, sleep, timeout};

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a database did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failed {
    /// No answer in time.
    #[error("{0}")]
    Away(String),
    /// An answer that will not change by asking again.
    #[error("{0}")]
    Refused(String),
}

/// Tries again while time is left and the failure is one that passes.
pub async fn keep_trying<T, F>(patience: Duration, each: Duration, attempt: impl Fn() -> F) -> Result<T, Failed>
where
    F: Future<Output = mongodb::error::Result<T>>,
{
    let deadline = Instant::now() + patience;
    let mut last = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(each.min(left), attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) if !passes(&error) => return Err(Failed::Refused(cause(&error))),
            Ok(Err(error)) => last = Some(cause(&error)),
            Err(_) => {}
        }
        if Instant::now() + PAUSE >= deadline {
            return Err(Failed::Away(last.unwrap_or_else(|| format!("no answer within {patience:?}"))));
        }
        sleep(PAUSE).await;
    }
}

/// Whether an error is one of those that a restart or an election brings.
fn passes(error: &Error) -> bool {
    // BadValue, FailedToParse, Unauthorized, BSONObjectTooLarge: the same tomorrow.
    const LASTING: [i32; 4] = [2, 9, 13, 10334];
    match error.kind.as_ref() {
        ErrorKind::Command(command) => !LASTING.contains(&command.code),
        ErrorKind::Write(mongodb::error::WriteFailure::WriteError(_))
        | ErrorKind::InvalidArgument { .. }
        | ErrorKind::BsonSerialization(_)
        | ErrorKind::BsonDeserialization(_) => false,
        _ => true,
    }
}

/// What happened, without the list of all hosts and their states that the driver adds.
fn cause(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::ServerSelection { .. } => "no member takes requests".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again() {
        let tries = AtomicU32::new(0);
        let attempt = || async {
            match tries.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Error::from(std::io::Error::other("connection reset"))),
                1 => std::future::pending().await,
                _ => Ok(7),
            }
        };
        let outcome = keep_trying(Duration::from_secs(10), Duration::from_secs(4), attempt).await;
        assert_eq!(outcome.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn time_ends() {
        let begun = Instant::now();
        let never = || async { Err::<(), _>(Error::from(std::io::Error::other("connection refused"))) };
        let outcome = keep_trying(Duration::from_millis(300), Duration::from_secs(4), never).await;
        assert!(matches!(outcome, Err(Failed::Away(cause)) if cause.contains("refused")));
        assert!(begun.elapsed() <= Duration::from_millis(300));
    }
}
