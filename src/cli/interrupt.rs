//! Ctrl-C: the first one lets the steps under way end, the second one doesn't.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::ui::{Exit, RawMode, Ui};

/// What SIGINT and SIGTERM do to this process.
///
/// A command that only looks is ended by the first signal. One that changes things calls [`Interrupt::orderly`] and
/// is asked to stop; the second signal ends it too. One that passes signals on calls [`Interrupt::leave`].
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    token: CancellationToken,
    is_orderly: Arc<AtomicBool>,
    is_left: Arc<AtomicBool>,
}

impl Interrupt {
    /// Begins to listen to the signals. Must be called in a runtime.
    ///
    /// # Errors
    /// Where the system refuses a signal handler.
    pub fn watch(ui: &Ui) -> anyhow::Result<Self> {
        let interrupt = Self::default();
        let listen = |kind| signal(kind).context("can't listen to signals");
        let signals = [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?];
        tokio::spawn(interrupt.clone().obey(signals, ui.clone()));
        Ok(interrupt)
    }

    /// Makes the first signal cancel the token instead of ending the process.
    pub fn orderly(&self) -> CancellationToken {
        self.is_orderly.store(true, Ordering::SeqCst);
        self.token.clone()
    }

    /// Leaves all signals to the command: from now on they end nothing here.
    pub fn leave(&self) {
        self.is_left.store(true, Ordering::SeqCst);
    }

    /// Takes the signals back.
    pub fn resume(&self) {
        self.is_left.store(false, Ordering::SeqCst);
    }

    async fn obey(self, mut signals: [Signal; 2], ui: Ui) {
        self.next(&mut signals).await;
        if self.is_orderly.load(Ordering::SeqCst) {
            ui.note("stopping after the steps under way; press again to quit at once");
            self.token.cancel();
            self.next(&mut signals).await;
        }
        // Nothing is dropped on this way out, so the terminal is given back by hand.
        RawMode::restore();
        ui.settle();
        std::process::exit(Exit::Interrupted.code().into());
    }

    /// Waits for a signal that is this task's to obey.
    async fn next(&self, [interrupt, terminate]: &mut [Signal; 2]) {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !self.is_left.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::ui::{Options, Progress};

    #[tokio::test]
    async fn the_first_signal_only_cancels_the_token_of_an_orderly_command() {
        let ui = Ui::new(Options { progress: Progress::Quiet, ..Options::default() }).unwrap();
        let interrupt = Interrupt::watch(&ui).unwrap();
        let stop = interrupt.orderly();
        assert!(!stop.is_cancelled());
        assert!(Command::new("kill").args(["-INT", &std::process::id().to_string()]).status().unwrap().success());
        tokio::time::timeout(Duration::from_secs(20), stop.cancelled()).await.unwrap();
    }
}
