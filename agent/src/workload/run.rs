//! The workload itself, as its unit runs it.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::join_all;
use mongodb::bson::doc;
use mongodb::options::{
    Acknowledgment, ClientOptions, Credential as DriverCredential, ReadConcern, ReadPreference, SelectionCriteria,
    ServerAddress, SessionOptions, UpdateOptions, WriteConcern,
};
use protocol::{Begin, Counts, End, Record, WorkloadKind, WorkloadRequest, WorkloadStatus};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::client::{Client, Data, PATIENCE, REGISTERS, Shared};
use super::nodes::Nodes;
use super::recorder::Recorder;
use super::{Places, app, watch};
use crate::clock;
use crate::deadline::Deadline;
use crate::mongo::claimed;
use crate::mongo::connect::Login;

/// How often the state is written that others are told.
const TELLING: Duration = Duration::from_millis(100);

/// How long the set may take until the first register is written, in milliseconds.
const BEGINNING_MS: u64 = 20_000;

/// How long a driver tries to reach a member before it takes it for away.
const CONNECTING: Duration = Duration::from_secs(2);

/// Runs the workload of a run until SIGTERM.
pub async fn run(run: &str) -> ExitCode {
    let Ok(places) = Places::of(run) else { return ExitCode::FAILURE };
    match work(&places).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&places.status, &WorkloadStatus { error: Some(error), ..WorkloadStatus::default() });
            ExitCode::FAILURE
        }
    }
}

async fn work(places: &Places) -> Result<(), String> {
    let text = fs::read(&places.request).map_err(|error| format!("its request can't be read: {error}"))?;
    let request: WorkloadRequest =
        serde_json::from_slice(&text).map_err(|error| format!("its request can't be understood: {error}"))?;
    let recorder = Recorder::open(request.record.then_some(&places.history))
        .map_err(|error| format!("its history can't be opened: {error}"))?;
    let stop = CancellationToken::new();
    let mut end = signal(SignalKind::terminate()).map_err(|error| format!("can't listen to signals: {error}"))?;
    let shared = Shared {
        recorder,
        nodes: Nodes::default(),
        stop: stop.clone(),
        next: Cell::new(0),
        retried: request.retry_writes && request.app.is_none(),
        pace: pace(&request),
    };
    let asked = async {
        end.recv().await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    let work = clients(&request, &shared);
    let aside = join_all(request.set.hosts.iter().map(|host| watch::member(host, &shared.recorder)));
    let telling = tell_on(&places.status, &shared.recorder);
    tokio::select! {
        done = work => done?,
        () = asked => {}
        _ = aside => {}
        () = telling => {}
    }
    let counted = shared.recorder.status();
    let counts = Some(Counts { ok: counted.ok, fail: counted.fail, unknown: counted.unknown });
    shared.recorder.record(&Record::End(End { when: clock::now(), counts }));
    let status = WorkloadStatus { running: false, now_us: clock::now().us, ..shared.recorder.status() };
    tell(&places.status, &status);
    status.error.map_or(Ok(()), Err)
}

/// How far a client's operations are apart, so that all together keep the rate.
fn pace(request: &WorkloadRequest) -> Option<Duration> {
    (request.rate > 0).then(|| Duration::from_secs_f64(f64::from(request.clients) / f64::from(request.rate)))
}

async fn clients(request: &WorkloadRequest, shared: &Shared) -> Result<(), String> {
    match &request.app {
        Some(target) => app::run(request, target, shared).await,
        None => on_set(request, shared).await,
    }
}

async fn on_set(request: &WorkloadRequest, shared: &Shared) -> Result<(), String> {
    let client = mongodb::Client::with_options(options(request, &shared.nodes)?).map_err(|error| error.to_string())?;
    let database = client.database(&request.database);
    let data = Data { inserts: database.collection("inserts"), registers: database.collection("registers") };
    claim(&database).await?;
    prepare(&data).await?;
    shared.recorder.record(&Record::Begin(begin(request)));
    let mut running = Vec::new();
    for number in 0..request.clients {
        let options = SessionOptions::builder().causal_consistency(false).build();
        let session = client.start_session().with_options(options).await.map_err(|error| error.to_string())?;
        shared.nodes.know(number, session.id());
        let one = Client { number, shared, session };
        let counts = match request.kind {
            WorkloadKind::Register => true,
            WorkloadKind::Mixed => number % 5 == 4,
            WorkloadKind::Inserts | WorkloadKind::App => false,
        };
        let data = &data;
        running.push(async move { if counts { one.count(data).await } else { one.insert(data).await } });
    }
    join_all(running).await;
    Ok(())
}

/// What the history begins with.
pub(super) fn begin(request: &WorkloadRequest) -> Begin {
    let workload = match request.kind {
        WorkloadKind::Inserts => "inserts",
        WorkloadKind::Register => "register",
        WorkloadKind::Mixed => "mixed",
        WorkloadKind::App => "app",
    };
    Begin {
        when: clock::now(),
        run: request.run.clone(),
        object: request.set.name.clone(),
        hosts: request.set.hosts.clone(),
        workload: workload.into(),
        write_concern: request.write_concern.clone(),
        read_concern: request.read_concern.clone(),
        read_preference: request.read_preference.clone(),
        retry_writes: request.retry_writes,
        clients: request.clients,
        rate: request.rate,
        container: request.container.clone(),
        boot: clock::boot(),
    }
}

/// Marks the workload's database as its own; fails where it is somebody else's.
async fn claim(database: &mongodb::Database) -> Result<(), String> {
    let deadline = Deadline::after_ms(BEGINNING_MS);
    loop {
        match tokio::time::timeout(PATIENCE, claimed::claim(database)).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => return Err(claimed::refusal(database.name())),
            Ok(Err(error)) if !deadline.pause(TELLING).await => return Err(format!("the set takes no write: {error}")),
            Err(_) if deadline.left().is_zero() => return Err("the set takes no write".into()),
            _ => {}
        }
    }
}

/// Puts every register at 0; a workload begins when the set has taken that.
async fn prepare(data: &Data) -> Result<(), String> {
    let deadline = Deadline::after_ms(BEGINNING_MS);
    for register in 0..REGISTERS {
        loop {
            let options = UpdateOptions::builder()
                .upsert(true)
                .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).build())
                .build();
            let set = data
                .registers
                .update_one(doc! { "_id": register }, doc! { "$setOnInsert": { "v": 0_i64 } })
                .with_options(options);
            match tokio::time::timeout(PATIENCE, set.into_future()).await {
                Ok(Ok(_)) => break,
                Ok(Err(error)) if !deadline.pause(TELLING).await => {
                    return Err(format!("the set takes no write: {error}"));
                }
                Err(_) if deadline.left().is_zero() => return Err("the set takes no write".into()),
                _ => {}
            }
        }
    }
    Ok(())
}

/// No client ever queues for a connection: the driver's queue hands out turns to those who gave up long ago, one for each
/// that asks anew, and where all give up together it serves nobody any more.
fn options(request: &WorkloadRequest, nodes: &Nodes) -> Result<ClientOptions, String> {
    let hosts: Result<Vec<_>, _> = request.set.hosts.iter().map(ServerAddress::parse).collect();
    let mut options = ClientOptions::builder()
        .hosts(hosts.map_err(|error| error.to_string())?)
        .repl_set_name(request.set.name.clone())
        .app_name("distctl-drill".to_owned())
        .connect_timeout(CONNECTING)
        .server_selection_timeout(PATIENCE)
        .retry_writes(request.retry_writes)
        .retry_reads(false)
        .max_pool_size(2 * request.clients.max(1))
        .max_connecting(request.clients.max(1))
        .write_concern(WriteConcern::builder().w(acknowledgment(&request.write_concern)?).w_timeout(PATIENCE).build())
        .read_concern(ReadConcern::custom(&request.read_concern))
        .selection_criteria(SelectionCriteria::ReadPreference(preference(&request.read_preference)?))
        .command_event_handler(nodes.handler())
        .build();
    let login = Login::read_if(request.set.credential.as_ref()).map_err(|failure| failure.to_string())?;
    options.credential = login.map(|login| {
        DriverCredential::builder().username(login.user).password(login.password).source("admin".to_owned()).build()
    });
    Ok(options)
}

fn acknowledgment(text: &str) -> Result<Acknowledgment, String> {
    match text.parse() {
        Ok(0) => Err("a write concern of 0 acknowledges nothing".into()),
        Ok(nodes) => Ok(Acknowledgment::Nodes(nodes)),
        Err(_) if text == "majority" => Ok(Acknowledgment::Majority),
        Err(_) => Err(format!("`{text}` is no write concern: `majority` or a number of members")),
    }
}

fn preference(text: &str) -> Result<ReadPreference, String> {
    let options = None;
    Ok(match text {
        "primary" => ReadPreference::Primary,
        "primaryPreferred" => ReadPreference::PrimaryPreferred { options },
        "secondary" => ReadPreference::Secondary { options },
        "secondaryPreferred" => ReadPreference::SecondaryPreferred { options },
        "nearest" => ReadPreference::Nearest { options },
        other => return Err(format!("`{other}` is no read preference")),
    })
}

async fn tell_on(path: &Path, recorder: &Recorder) {
    loop {
        tell(path, &WorkloadStatus { now_us: clock::now().us, ..recorder.status() });
        tokio::time::sleep(TELLING).await;
    }
}

/// Writes the state whole, so that nobody reads half of it. Whoever asks sees an old one where that fails.
fn tell(path: &Path, status: &WorkloadStatus) {
    let Ok(text) = serde_json::to_vec(status) else { return };
    let beside = path.with_extension("new");
    let _ = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
}
