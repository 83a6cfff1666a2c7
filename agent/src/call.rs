//! One request in, lines out.

use std::io::{Read, Write};
use std::process::ExitCode;

use protocol::{Failure, Line, Request};

/// Reads a request from standard input, carries it out and answers. Exit code 0 goes with `done`, 1 with `failed`.
pub async fn call() -> ExitCode {
    let outcome = match read() {
        Ok(request) => crate::perform(request).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(reply) => {
            say(&Line::Done(reply));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            say(&Line::Failed(failure));
            ExitCode::FAILURE
        }
    }
}

/// Answers that nothing could even be begun.
pub fn refuse(cause: &str) -> ExitCode {
    say(&Line::Failed(Failure::new("distctl-agent", cause)));
    ExitCode::FAILURE
}

/// Tells what is being done now.
pub fn progress(text: impl Into<String>) {
    say(&Line::Progress(text.into()));
}

fn read() -> Result<Request, Failure> {
    let mut text = Vec::new();
    std::io::stdin()
        .read_to_end(&mut text)
        .map_err(|error| Failure::new("distctl-agent", format!("can't read the request: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| {
        let version = protocol::VERSION;
        Failure::new("distctl-agent", format!("does not understand the request (it speaks version {version}): {error}"))
    })
}

/// Whoever listened may be gone; what was begun is finished all the same.
pub fn say(line: &Line) {
    let _ = pass_on(line);
}

/// The same for what is of no use to anybody when nobody listens any more.
pub fn pass_on(line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush())
}
