//! A terminal that does not show what is typed.

use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// How the terminal was, while it is otherwise.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// As long as it lives nothing that is typed is shown.
pub(super) struct Hidden(());

impl Hidden {
    pub(super) fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self(()))
    }

    /// Gives the terminal back, if it is hidden. Safe to call at any time, from any thread.
    pub(super) fn restore() {
        if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A terminal that is gone shows nothing any more.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        Self::restore();
    }
}
