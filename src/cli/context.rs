//! What a command works with besides its own arguments.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::Interrupt;
use crate::topology::{self, Topology};
use crate::ui::Ui;

/// What a command works with besides its own arguments.
#[derive(Debug, Clone)]
pub struct Context {
    /// Shows everything.
    pub ui: Ui,
    /// The topology file, as the user named it.
    pub file: PathBuf,
    /// The remote of the user's incus configuration; `None` for the local daemon.
    pub remote: Option<String>,
    /// The project in Incus; `None` for the remote's own.
    pub project: Option<String>,
    /// How many things may be done at once, at least 1.
    pub parallel: usize,
    /// Whether every question is answered with yes; [`Ui`] does that by itself.
    pub yes: bool,
    /// Ctrl-C.
    pub interrupt: Interrupt,
}

impl Context {
    /// Reads the topology and says whether something in it is risky.
    ///
    /// # Errors
    /// All that is wrong with it, as [`topology::Findings`]: [`Ui::failure`] shows them.
    pub fn topology(&self) -> anyhow::Result<Topology> {
        let topology = topology::load(&self.file)?;
        let warnings = topology.warnings();
        if warnings.has_warnings() {
            let file = self.file.display();
            // A risk that was taken knowingly is no news at every `status`.
            self.ui.detail(|| format!("{file} has {}: see `distctl validate`", Ui::count(&warnings)));
        }
        Ok(topology)
    }

    /// The folder of the topology file, which artifacts are relative to.
    pub fn folder(&self) -> &Path {
        self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A token that the first Ctrl-C cancels; from now on it does not end the process any more.
    pub fn stop(&self) -> CancellationToken {
        self.interrupt.orderly()
    }
}
