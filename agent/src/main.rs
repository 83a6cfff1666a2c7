//! distctl's hand inside the guest.
//!
//! `distctl-agent call` carries out one [`protocol::Request`]: JSON in, JSON lines out. `distctl-agent handover` is
//! run by the units of mongods when they stop or crash. It knows the guest and its mongods, never Incus nor the
//! topology.

mod call;
mod clock;
mod data;
mod deadline;
mod fault;
mod filled;
mod fragments;
mod handover;
mod hash;
mod hold;
mod http;
mod inspect;
mod log_tail;
mod made;
mod mask;
mod mongo;
mod names;
mod own;
mod packages;
mod ready;
mod rollbacks;
mod rotate;
mod run;
mod runs;
mod service;
mod transient;
mod units;
mod visitor;
mod workload;
mod write;

use std::process::ExitCode;

use clap::Parser;
use protocol::{Failure, Reply, Request};

/// distctl's hand inside the guest.
#[derive(Parser)]
#[command(name = "distctl-agent", version)]
enum Command {
    /// Carries out one request: JSON on standard input, JSON lines on standard output.
    Call,
    /// Lets another member of a replica set take over.
    #[command(subcommand)]
    Handover(handover::Handover),
    /// Runs a workload until it is told to end.
    Workload {
        /// The name of the run.
        run: String,
    },
    /// Undoes a fault whose time is over.
    Heal {
        /// Its name.
        fault: String,
    },
    /// Puts large logs aside and has mongods make new ones.
    Rotate {
        /// Each as `UNIT=PATH`.
        logs: Vec<String>,
    },
    /// Runs a command that reads a log, and leaves secrets out of its output.
    Mask {
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Lets go the mongods of a cut whose time is over.
    LetGo {
        /// Its name.
        cut: String,
    },
}

fn main() -> ExitCode {
    let command = Command::parse();
    if let Command::Mask { command } = &command {
        return mask::run(command);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return call::refuse(&format!("can't start: {error}")),
    };
    let code = match command {
        Command::Call => runtime.block_on(call::call()),
        Command::Handover(handover) => runtime.block_on(handover::run(handover)),
        Command::Workload { run } => runtime.block_on(workload::run(&run)),
        Command::Heal { fault } => runtime.block_on(fault::heal_in_time(&fault)),
        Command::Rotate { logs } => runtime.block_on(rotate::run_all(&logs)),
        Command::Mask { .. } => ExitCode::SUCCESS,
        Command::LetGo { cut } => runtime.block_on(hold::let_go_in_time(&cut)),
    };
    // The driver's monitors would otherwise be waited for.
    runtime.shutdown_background();
    code
}

/// Carries out one request.
async fn perform(request: Request) -> Result<Reply, Failure> {
    match request {
        Request::Inspect(request) => return inspect::inspect(&request).await.map(Box::new).map(Reply::Inspection),
        Request::WaitReady(request) => ready::wait(&request).await?,
        Request::Write(request) => write::write(&request).await?,
        Request::OwnBelow(tree) => own::own(&tree).await?,
        Request::InstallPackages(request) => packages::install(&request).await?,
        Request::Units(request) => units::change(&request).await?,
        Request::DeployService(request) => service::deploy::deploy(&request).await?,
        Request::WaitService(request) => service::wait::wait(&request).await?,
        Request::InitService(request) => service::init::init(&request).await?,
        Request::RemoveService(request) => service::remove::remove(&request).await?,
        Request::WaitMongod(request) => mongo::wait::mongod(&request).await?,
        Request::InitiateReplicaSet(request) => mongo::replica_set::initiate(&request).await?,
        Request::ReconfigureReplicaSet(request) => mongo::reconfigure::reconfigure(&request).await?,
        Request::EnsureUsers(request) => mongo::users::ensure(&request).await?,
        Request::RehomeReplicaSet(request) => mongo::rehome::rehome(&request).await?,
        Request::RenameReplicaSet(request) => return mongo::rename::rename(&request).await.map(Reply::Renamed),
        Request::StepDown(request) => mongo::step_down::step_down(&request).await?,
        Request::HandBack(request) => mongo::step_down::hand_back(&request).await?,
        Request::WaitReplicaSet(request) => mongo::wait::replica_set(&request).await?,
        Request::EmptyMember(request) => mongo::resync::empty(&request).await?,
        Request::StartWorkload(request) => return workload::start(&request).await.map(Reply::Workload),
        Request::AskWorkload(name) => return workload::status(&name).await.map(Reply::Workload),
        Request::StopWorkload(name) => return workload::stop(&name).await.map(Reply::Workload),
        Request::RemoveWorkload(name) => workload::remove(&name.run).await?,
        Request::TellTime => return Ok(Reply::Time(clock::now())),
        Request::CheckFault(fault) => return fault::check(&fault).await.map(Reply::FaultChecked),
        Request::InjectFault(fault) => return fault::inject(&fault).await.map(Reply::Injected),
        Request::Heal(request) => return fault::heal(&request).await.map(Reply::Healed),
        Request::ReadBack(request) => {
            return mongo::read_back::read(&request).await.map(Box::new).map(Reply::ReadBack);
        }
        Request::ReadBackApp(request) => {
            return workload::read_back_app(&request).await.map(Box::new).map(Reply::FinalRead);
        }
        Request::Rollbacks(request) => return rollbacks::find(&request).map(Reply::Rollbacks),
        Request::EndDrill(request) => mongo::read_back::end(&request).await?,
        Request::Fragment(request) => return fragments::perform(&request).await.map(Reply::Fragment),
        Request::Routing(request) => return fragments::routing::probe(&request).await.map(Reply::Routed),
        Request::Flush(request) => hold::flush(&request).await?,
        Request::Hold(request) => return hold::hold(&request).await.map(Reply::Held),
        Request::LetGo(request) => return hold::let_go(&request.id).await.map(Reply::LetGo),
        Request::Data(request) => return data::perform(&request).await.map(Reply::Data),
    }
    Ok(Reply::Ok)
}
