//! Whether the mongods of a container fit into its memory.

use std::collections::BTreeMap;

use super::super::{Notes, Size, Topology};

/// The smallest cache that mongod takes: 256 MiB (the manual, `cacheSizeGB`: from 0.25).
pub(crate) const MIN_CACHE: u64 = 256 << 20;

/// What a mongod needs besides its cache. It is about 130 MB resident with the smallest cache when idle (measured with
/// 6.0.5); connections and sorting take the rest.
pub(crate) const OVERHEAD: u64 = 200 << 20;

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let given = topology.mongodb.cache;
    if let Some(cache) = given.filter(|cache| cache.bytes() < MIN_CACHE) {
        notes
            .error(cache.span, format!("mongod takes no cache below {}", Size::from_bytes(MIN_CACHE)))
            .instead("leave `cache` out, or write `256MiB` or more");
    }
    let mut mongods: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, container, _) in topology.mongodb.mongods() {
        *mongods.entry(container).or_default() += 1;
    }
    for (name, count) in mongods {
        let Some(memory) = topology.containers.get(name).and_then(|container| container.limits.memory) else {
            continue;
        };
        let least = Size::from_bytes(count * (MIN_CACHE + OVERHEAD));
        let many = if count == 1 { "a mongod".to_owned() } else { format!("{count} mongods") };
        if memory.value < least {
            notes
                .error(memory.span, format!("`{name}` is too small for {many}: they need at least {least}"))
                .instead(format!("write `memory: {least}` or more, or move members elsewhere"));
        } else if let Some(cache) = given.filter(|cache| count * (cache.bytes() + OVERHEAD) > memory.bytes()) {
            let need = Size::from_bytes(count * (cache.bytes() + OVERHEAD));
            notes
                .warning(memory.span, format!("`{name}` is small for {many} with that cache: they may need {need}"))
                .instead(format!("write `memory: {need}`, or leave `mongodb.cache` out"))
                .also(cache.span, "the cache of each");
        }
    }
}
