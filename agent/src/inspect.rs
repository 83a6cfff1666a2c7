//! One look at the whole guest. It changes nothing but the memory of hashes on a tmpfs.

pub mod network;
pub mod packages;
pub mod paths;
pub mod storage;
pub mod units;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use protocol::{Failure, InspectRequest, Inspection, Piece, SERVICES};

use crate::service::{self, health};
use crate::{filled, hash, mongo};

/// Looks at everything that is asked, all at once.
pub async fn inspect(request: &InspectRequest) -> Result<Inspection, Failure> {
    crate::ready::settle().await;
    let (paths, packages) = (request.paths.clone(), request.packages.clone());
    let files = tokio::task::spawn_blocking(move || paths::states(&paths, hash::CACHE));
    let trees = request.trees.clone();
    let storage = tokio::task::spawn_blocking(move || storage::look(&trees));
    let mongods = request.mongods.iter().map(|query| async { (query.port, mongo::look::look(query).await) });
    let services =
        request.services.iter().map(|query| async { (query.name.clone(), health::ask(&query.health).await) });
    let (files, units, systemd, mongods, services) =
        tokio::join!(files, units::states(&request.units), units::systemd(), join_all(mongods), join_all(services));
    let (disk_free, disk_total) = disk("/var/lib");
    Ok(Inspection {
        protocol: protocol::VERSION,
        systemd,
        addresses: network::addresses()?,
        clock_ms: clock_ms(),
        avx: has_avx(),
        disk_free,
        disk_total,
        paths: files.map_err(|error| Failure::new("files of the guest", error.to_string()))??,
        packages: packages::versions(&packages),
        units: units?,
        unit_files: units::files(units::FOLDER, &request.unit_prefixes),
        mongods: mongods.into_iter().collect(),
        filled: request.filled.iter().filter_map(|(path, pieces)| Some((path.clone(), expected(pieces)?))).collect(),
        services: services.into_iter().collect(),
        deployed: service::deployed(Path::new(SERVICES)),
        storage: storage.await.map_err(|error| Failure::new("disk of the guest", error.to_string()))?,
        service_files: service::kept_files(Path::new(SERVICES)),
    })
}

/// What a text should hash to; `None` where a secret is missing.
fn expected(pieces: &[Piece]) -> Option<String> {
    filled::fill(pieces).ok().map(|text| hash::of_bytes(&text))
}

/// Free and all bytes of the file system that holds `path`; zeros where it can't be asked.
pub fn disk(path: &str) -> (u64, u64) {
    rustix::fs::statvfs(path)
        .map(|disk| (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
        .unwrap_or_default()
}

fn clock_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// mongod asks for AVX on x86 alone.
fn has_avx() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx");
    #[cfg(not(target_arch = "x86_64"))]
    return true;
}
