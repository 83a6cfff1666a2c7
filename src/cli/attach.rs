//! Lends this process's input, output, signals and terminal to a command in a guest.

use std::future::pending;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Context;
use crate::incus::{Client, Command, Error, Input, Session};
use crate::ui::{Advise, Exit, RawMode};

/// The character that ends the input of a terminal, Ctrl-D.
const END: &[u8] = b"\x04";

/// The signals that are passed on, besides the one for another size of the terminal.
const PASSED: [SignalKind; 6] = [
    SignalKind::hangup(),
    SignalKind::interrupt(),
    SignalKind::quit(),
    SignalKind::user_defined1(),
    SignalKind::user_defined2(),
    SignalKind::terminate(),
];

/// Runs a command in a guest as if it ran here, and ends as it ends.
///
/// With a terminal it gets one of this one's size. If both ends of this process are terminals, keys go to it as they
/// are pressed: Ctrl-C ends the command, not distctl.
pub(super) async fn attach(
    context: &Context,
    client: &Client,
    container: &str,
    mut command: Command,
    with_terminal: bool,
) -> Result<Exit> {
    if with_terminal {
        command.terminal = Some(RawMode::size());
        let kind = std::env::var("TERM").unwrap_or_else(|_| "xterm".to_string());
        command.environment.entry("TERM".to_string()).or_insert(kind);
    }
    let mut signals = Signals::listen()?;
    let mut session = client.exec(container, &command).await.map_err(|error| unable(error, container))?;
    let raw = (with_terminal && context.ui.has_terminal()).then(|| context.ui.raw_mode()).transpose()?;
    context.interrupt.leave();
    let feeder = session.stdin.take().map(|input| tokio::spawn(feed(input, with_terminal)));
    let passed = pass(context, &mut session, &mut signals).await;
    // From here on there is nobody to pass a signal to: Ctrl-C ends distctl, which takes the command along.
    context.interrupt.resume();
    if let Some(feeder) = feeder {
        feeder.abort();
    }
    passed?;
    let ended = session.wait().await;
    drop(raw);
    let program = command.command.first().map_or("", String::as_str);
    match ended {
        Ok(0) => Ok(Exit::Ok),
        Ok(code) => Ok(Exit::Foreign(u8::try_from(code).unwrap_or(u8::MAX))),
        Err(error) if error.is_command_not_found() => {
            // Incus says the same of a program that is not there and of one that itself ended with 127.
            context.ui.failure(&anyhow::anyhow!("{program} in {container} is not there, or ended with 127"));
            Ok(Exit::Foreign(127))
        }
        Err(error) => Err(error).with_context(|| format!("{program} in {container} was lost")),
    }
}

fn unable(error: Error, container: &str) -> anyhow::Error {
    let hint = match &error {
        error if error.is_not_running() => format!("start it with `distctl up --only {container}`"),
        error if error.is_frozen() => format!("let it go on with `distctl up --only {container}`"),
        error if error.is_not_found() => format!("make it with `distctl up --only {container}`"),
        _ => return anyhow::Error::from(error).context(format!("nothing can be run in {container}")),
    };
    anyhow::Error::from(error).context(format!("nothing can be run in {container}")).hint(hint)
}

/// Carries output and signals until both streams of output have ended.
async fn pass(context: &Context, session: &mut Session, signals: &mut Signals) -> Result<()> {
    let (mut stdout, mut stderr) = (std::mem::take(&mut session.stdout), std::mem::take(&mut session.stderr));
    let (mut out_ended, mut err_ended) = (false, false);
    while !(out_ended && err_ended) {
        tokio::select! {
            bytes = stdout.next(), if !out_ended => match bytes {
                Some(bytes) => context.ui.bytes(&bytes)?,
                None => out_ended = true,
            },
            bytes = stderr.next(), if !err_ended => match bytes {
                Some(bytes) => context.ui.error_bytes(&bytes),
                None => err_ended = true,
            },
            number = signals.next() => if number == SignalKind::window_change().as_raw_value() {
                let (columns, rows) = RawMode::size();
                session.resize(columns, rows).await;
            } else if !session.signal(number).await {
                break;
            },
        }
    }
    Ok(())
}

/// Carries standard input to the command until it ends on either side.
async fn feed(input: Input, to_terminal: bool) {
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stdin.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) if !input.send(Bytes::copy_from_slice(&buffer[..count])).await => return,
            Ok(_) => {}
        }
    }
    if to_terminal {
        input.send(Bytes::from_static(END)).await;
        // Dropping the input of a terminal says nothing, but keeps the rest of it from being sent.
        pending::<()>().await;
    }
}

/// The signals of this process.
struct Signals([(i32, Signal); 7]);

impl Signals {
    fn listen() -> Result<Self> {
        let [hangup, interrupt, quit, first, second, terminate] = PASSED.map(listen);
        let size = listen(SignalKind::window_change());
        Ok(Self([hangup?, interrupt?, quit?, first?, second?, terminate?, size?]))
    }

    /// Waits for the next one and gives its number.
    async fn next(&mut self) -> i32 {
        let waits = self.0.iter_mut().map(|(number, signal)| {
            Box::pin(async {
                if signal.recv().await.is_none() {
                    pending::<()>().await;
                }
                *number
            })
        });
        futures_util::future::select_all(waits).await.0
    }
}

fn listen(kind: SignalKind) -> Result<(i32, Signal)> {
    Ok((kind.as_raw_value(), signal(kind).context("can't listen to signals")?))
}
