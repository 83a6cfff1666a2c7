//! Workloads: clients that write and read at a steady pace and write down all that happens. They break nothing and judge
//! nothing.
//!
//! A workload runs as a transient unit, so that it goes on when whoever asked for it is gone, and ends by itself when its
//! time is over. Its history is on the guest's disk, what else it needs in a folder that the next start of the guest clears.

mod app;
mod client;
mod nodes;
mod outcome;
mod recorder;
mod run;
mod watch;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use protocol::{Failure, WorkloadName, WorkloadRequest, WorkloadStatus};

use crate::deadline::{Deadline, SOON};
use crate::inspect::units::show;
use crate::made::{self, Occasion};
use crate::transient::{self, Transient};

pub use app::{number, read_back as read_back_app};
pub use run::run;

/// Histories, a folder for each run.
const HISTORIES: &str = "/var/lib/distctl/drill";

/// Requests and states of workloads.
const RUNNING: &str = "/run/distctl/drill";

/// How long a workload may take to come up or to end its last operations, in milliseconds.
const PATIENCE_MS: u64 = 30_000;

/// How long it may take to remove what was made through the product platform, in milliseconds.
const REMOVING_MS: u64 = 120_000;

/// Where the files of a run are.
#[derive(Debug)]
struct Places {
    history: PathBuf,
    /// What was made through the product platform.
    made: PathBuf,
    request: PathBuf,
    status: PathBuf,
    unit: String,
}

impl Places {
    /// Those of a run, whose name must be one.
    fn of(run: &str) -> Result<Self, Failure> {
        if !crate::names::is_plain(run) {
            return Err(Failure::new(format!("run `{run}`"), "letters, digits and hyphens alone make a name"));
        }
        let running = Path::new(RUNNING).join(run);
        Ok(Self {
            history: Path::new(HISTORIES).join(run).join("history.jsonl"),
            made: Path::new(HISTORIES).join(run).join("made.jsonl"),
            request: running.join("request.json"),
            status: running.join("status.json"),
            unit: format!("distctl-drill-{run}.service"),
        })
    }
}

/// Starts a workload and waits until its clients are connected.
pub async fn start(request: &WorkloadRequest) -> Result<WorkloadStatus, Failure> {
    let places = Places::of(&request.run)?;
    write_request(&places, request)
        .map_err(|error| Failure::new(&places.unit, format!("its files can't be written in the guest: {error}")))?;
    let unit = Transient {
        unit: &places.unit,
        description: "distctl's workload",
        arguments: &["workload", &request.run],
        properties: &[
            format!("RuntimeMaxSec={}ms", request.ttl_ms),
            "NoNewPrivileges=yes".into(),
            "CapabilityBoundingSet=".into(),
            "ProtectSystem=strict".into(),
            format!("ReadWritePaths={HISTORIES} {RUNNING}"),
            "TimeoutStopSec=30".into(),
            "LimitNOFILE=64000".into(),
        ],
    };
    transient::start(&unit).await?;
    let deadline = Deadline::after_ms(PATIENCE_MS);
    loop {
        let status = status_of(&places, &request.run).await?;
        if let Some(error) = status.error {
            return Err(Failure::new(&places.unit, error));
        }
        if status.running && status.now_us > 0 {
            return Ok(status);
        }
        if !deadline.pause(SOON).await {
            return Err(Failure::new(&places.unit, format!("its clients are not connected after {PATIENCE_MS} ms"))
                .with_hint(format!("look with `journalctl --unit {}` in the container", places.unit)));
        }
    }
}

fn write_request(places: &Places, request: &WorkloadRequest) -> std::io::Result<()> {
    for file in [&places.history, &places.request] {
        if let Some(folder) = file.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
    }
    let text = serde_json::to_vec(request)?;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&places.request)?;
    std::io::Write::write_all(&mut file, &text)
}

/// Says how a workload fares.
pub async fn status(name: &WorkloadName) -> Result<WorkloadStatus, Failure> {
    status_of(&Places::of(&name.run)?, &name.run).await
}

async fn status_of(places: &Places, run: &str) -> Result<WorkloadStatus, Failure> {
    let shown = show(std::slice::from_ref(&places.unit)).await?;
    let running = shown
        .get(&places.unit)
        .is_some_and(|unit| matches!(&*unit.state.active, "active" | "activating" | "deactivating"));
    let text = fs::read(&places.status).ok();
    let mut status: WorkloadStatus = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let told = std::mem::take(&mut status.running);
    if !running && told && status.error.is_none() {
        status.error = Some(format!("the workload of {run} has died"));
    }
    status.running = running;
    status.history = places.history.to_string_lossy().into_owned();
    Ok(status)
}

/// Ends a workload after the operations under way; one that has ended already is no error.
pub async fn stop(name: &WorkloadName) -> Result<WorkloadStatus, Failure> {
    let places = Places::of(&name.run)?;
    transient::stop(&places.unit).await?;
    let mut status = status_of(&places, &name.run).await?;
    status.mark = Occasion::read(&places.made).ok().flatten().map(|occasion| occasion.mark);
    Ok(status)
}

/// Ends a workload and removes what it made through the product platform, its history and all that it needed.
pub async fn remove(run: &str) -> Result<(), Failure> {
    let places = Places::of(run)?;
    transient::stop(&places.unit).await?;
    // First of all: without the files nobody would know what was made.
    made::remove(&places.made, Deadline::after_ms(REMOVING_MS)).await?;
    for file in [&places.history, &places.request] {
        let Some(folder) = file.parent() else { continue };
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::new(folder.to_string_lossy(), format!("can't be removed: {error}")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The runs of which anything is left in this guest.
pub fn left() -> Vec<String> {
    let names = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    let mut runs = [names(HISTORIES), names(RUNNING)].concat();
    runs.sort_unstable();
    runs.dedup();
    runs
}
