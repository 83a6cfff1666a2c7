//! Faults: breaking on purpose, and undoing that. They judge nothing.
//!
//! What would undo a fault is written down before anything is broken, and a timer is set that undoes it when its time is
//! over: whoever asked for the fault may be gone by then. Undoing needs nothing but what was written down, may be done
//! twice, and is done for faults that were only half injected.

mod clock;
mod disk;
mod journal;
mod partition;
mod process;
mod slow;
mod stepdown;

use std::process::ExitCode;

use protocol::{Failure, FaultChecked, FaultKind, FaultMember, GuestFault, HealRequest, Healed, HealedFault, Injected};

use crate::clock::now;
use crate::transient::{self, Transient};
use crate::workload;

/// Says whether this guest can do a fault, and what it would use.
pub async fn check(fault: &GuestFault) -> Result<FaultChecked, Failure> {
    let mut notes = Vec::new();
    if !fault.cuts.is_empty() {
        notes.extend(partition::check().await?);
    }
    for member in &fault.members {
        notes.extend(check_one(fault, member).await?);
    }
    notes.dedup();
    Ok(FaultChecked { note: (!notes.is_empty()).then(|| notes.join("; ")) })
}

async fn check_one(fault: &GuestFault, member: &FaultMember) -> Result<Option<String>, Failure> {
    match fault.kind {
        FaultKind::Stop | FaultKind::Kill | FaultKind::Pause => process::check(member).await,
        FaultKind::Partition | FaultKind::PartitionPair | FaultKind::PartitionOneWay => partition::check().await,
        FaultKind::Slow => slow::check().await,
        FaultKind::DiskFull => disk::check(member),
        FaultKind::Stepdown => Ok(None),
        FaultKind::Clock => clock::check(member).await.map(|_| None),
        kind @ (FaultKind::Freeze | FaultKind::ContainerStop | FaultKind::ContainerKill) => Err(outside(kind)),
    }
}

fn outside(kind: FaultKind) -> Failure {
    Failure::new(format!("fault {kind}"), "is done by Incus, not in a guest")
}

/// Breaks something.
pub async fn inject(fault: &GuestFault) -> Result<Injected, Failure> {
    let mut note = check(fault).await?.note;
    journal::write(fault)?;
    let timer = Transient {
        unit: &healer(&fault.id),
        description: "undoes a fault of distctl",
        arguments: &["heal", &fault.id],
        properties: &[],
    };
    let begun = match transient::start_after(&timer, fault.ttl_ms).await {
        Ok(()) => now(),
        Err(failure) => {
            journal::remove(&fault.id)?;
            return Err(failure);
        }
    };
    match break_all(fault).await {
        Ok(more) => {
            note = more.or(note);
            Ok(Injected { begun, done: now(), note })
        }
        Err(failure) => {
            // Half of a fault is none: what was done of it is undone at once, or by the timer.
            let undone = undo(fault, true).await;
            Err(match undone {
                Ok(()) => failure,
                Err(also) => failure.with_hint(format!("undoing it failed too ({also}): run `distctl heal`")),
            })
        }
    }
}

async fn break_all(fault: &GuestFault) -> Result<Option<String>, Failure> {
    let mut note = None;
    partition::cut(fault).await?;
    for member in &fault.members {
        note = match fault.kind {
            FaultKind::Stop => process::stop(member).await.map(|()| None),
            FaultKind::Kill => process::signal(member, "KILL").await.map(|()| None),
            FaultKind::Pause => process::signal(member, "STOP").await.map(|()| None),
            // Cut off already, in the guests of those that send.
            FaultKind::Partition | FaultKind::PartitionPair | FaultKind::PartitionOneWay => Ok(None),
            FaultKind::Slow => slow::slow(fault, member).await.map(Some),
            FaultKind::DiskFull => disk::fill(fault, member).map(Some),
            FaultKind::Stepdown => stepdown::ask(member).await.map(|()| None),
            FaultKind::Clock => clock::set(member).await.map(Some),
            kind @ (FaultKind::Freeze | FaultKind::ContainerStop | FaultKind::ContainerKill) => Err(outside(kind)),
        }?;
    }
    Ok(note)
}

/// Undoes faults, and ends what workloads are left where everything is to be undone.
pub async fn heal(request: &HealRequest) -> Result<Healed, Failure> {
    let begun = now();
    let is_meant = |fault: &GuestFault| match request {
        HealRequest::Faults(ids) => ids.contains(&fault.id),
        HealRequest::AllFaults | HealRequest::Everything | HealRequest::Nothing => true,
        HealRequest::Unfinished => false,
    };
    let mut faults = Vec::new();
    for fault in journal::read()?.into_iter().filter(is_meant) {
        if *request != HealRequest::Nothing {
            undo(&fault, true).await?;
        }
        let mut members: Vec<String> = fault.members.into_iter().map(|member| member.host).collect();
        if members.is_empty() {
            members = fault.cuts.into_iter().map(|cut| cut.to).collect();
            members.dedup();
        }
        faults.push(HealedFault { id: fault.id, kind: fault.kind, members });
    }
    let unfinished = match request {
        HealRequest::Faults(_) => Vec::new(),
        HealRequest::Nothing => journal::unfinished()?,
        HealRequest::AllFaults | HealRequest::Everything | HealRequest::Unfinished => journal::clear()?,
    };
    let workloads = match request {
        HealRequest::Faults(_) | HealRequest::AllFaults | HealRequest::Unfinished => Vec::new(),
        HealRequest::Everything | HealRequest::Nothing => workload::left(),
    };
    let mut removed = Ok(());
    for run in workloads.iter().filter(|_| *request == HealRequest::Everything) {
        // What one has left that can't be removed now must not keep another's from it.
        removed = removed.and(workload::remove(run).await);
    }
    removed?;
    Ok(Healed { begun, done: now(), faults, workloads, unfinished })
}

/// Undoes one fault, as its timer asks.
pub async fn heal_in_time(id: &str) -> ExitCode {
    let undone = async {
        for fault in journal::read()?.into_iter().filter(|fault| fault.id == id) {
            undo(&fault, false).await?;
        }
        Ok::<(), Failure>(())
    };
    match undone.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("heal {id}: {failure}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

async fn undo(fault: &GuestFault, with_timer: bool) -> Result<(), Failure> {
    if !fault.cuts.is_empty() {
        partition::mend(&fault.id).await?;
    }
    for member in &fault.members {
        match fault.kind {
            FaultKind::Stop | FaultKind::Kill => process::start(member).await?,
            FaultKind::Pause => process::go_on(member).await?,
            FaultKind::Slow => slow::mend(&fault.id).await?,
            FaultKind::DiskFull => disk::empty(fault, member).await?,
            FaultKind::Clock => clock::reset(member).await?,
            FaultKind::Partition
            | FaultKind::PartitionPair
            | FaultKind::PartitionOneWay
            | FaultKind::Stepdown
            | FaultKind::Freeze
            | FaultKind::ContainerStop
            | FaultKind::ContainerKill => {}
        }
    }
    if with_timer {
        transient::stop(&format!("{}.timer", healer(&fault.id).trim_end_matches(".service"))).await?;
    }
    journal::remove(&fault.id)
}

fn healer(id: &str) -> String {
    format!("distctl-heal-{id}.service")
}
