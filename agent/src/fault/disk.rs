//! A disk that is full: a file takes what is left, up to the bound that the container has.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::{Failure, FaultMember, GuestFault};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::process;

/// How much is taken at once; then ever less, so that hardly anything is left.
const STEPS: [u64; 4] = [64 << 20, 4 << 20, 256 << 10, 4 << 10];

/// Fails unless the container's disk is bounded: without that the disk of the whole host would be filled.
pub fn check(member: &FaultMember) -> Result<Option<String>, Failure> {
    match member.disk_limit {
        Some(limit) => Ok(Some(format!("at most {} MiB are written", limit >> 20))),
        None => {
            Err(Failure::new(&member.host, "its container's disk has no limit, so the whole host's would be filled")
                .with_hint("give the container `limits: { disk: 4GiB }` and the topology a `storage.pool`"))
        }
    }
}

/// Fills the disk, and says with how much.
pub fn fill(fault: &GuestFault, member: &FaultMember) -> Result<String, Failure> {
    let path = filler(fault, member);
    let limit = member.disk_limit.unwrap_or(0);
    let failed = |error: io::Error| Failure::new(path.to_string_lossy(), format!("can't fill the disk: {error}"));
    let mut file = File::create(&path).map_err(failed)?;
    let mut taken = 0;
    for step in STEPS {
        while taken < limit {
            match take(&mut file, taken, step) {
                Ok(()) => taken += step,
                Err(Errno::NOSPC | Errno::DQUOT) => break,
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
    if taken >= limit {
        let cause = format!("the disk is not full after the {} MiB that the container may have", limit >> 20);
        return Err(Failure::new(path.to_string_lossy(), cause)
            .with_hint("does the storage pool keep limits? a `dir` pool needs project quotas"));
    }
    Ok(format!("{} MiB written", taken >> 20))
}

/// Takes room for good: what compresses or is sparse would take none.
fn take(file: &mut File, from: u64, size: u64) -> Result<(), Errno> {
    match fallocate(&*file, FallocateFlags::empty(), from, size) {
        Err(Errno::OPNOTSUPP) => {
            let block = vec![0x5a; usize::try_from(size).unwrap_or(4096)];
            let written = file.write_all(&block).and_then(|()| file.sync_data());
            written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        }
        other => other,
    }
}

/// Gives the room back, and brings the mongod up that has died of it.
pub async fn empty(fault: &GuestFault, member: &FaultMember) -> Result<(), Failure> {
    let path = filler(fault, member);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::new(path.to_string_lossy(), format!("can't be removed: {error}")));
        }
        _ => {}
    }
    process::start(member).await
}

/// Beside the data, on the same disk.
fn filler(fault: &GuestFault, member: &FaultMember) -> PathBuf {
    let data = Path::new(&member.data);
    data.parent().unwrap_or(data).join(format!("distctl-filler-{}", fault.id))
}
