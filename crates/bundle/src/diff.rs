use crate::{Bundle, PieceInfo};
use std::io::{Read, Seek};

/// How the pieces of two bundles differ, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Pieces of the first bundle alone.
    pub removed: Vec<PieceInfo>,
    /// Pieces of the second bundle alone.
    pub added: Vec<PieceInfo>,
    /// Pieces of both whose content differs: as in the first, as in the second.
    pub changed: Vec<(PieceInfo, PieceInfo)>,
    /// Pieces of both with the same content.
    pub same: Vec<PieceInfo>,
}

/// Compares two bundles by what their manifests say of their pieces.
pub fn diff<A: Read + Seek, B: Read + Seek>(a: &Bundle<A>, b: &Bundle<B>) -> Diff {
    let mut diff = Diff::default();
    for old in a.pieces() {
        match b.piece(&old.name) {
            None => diff.removed.push(old.clone()),
            Some(new) if new == old => diff.same.push(old.clone()),
            Some(new) => diff.changed.push((old.clone(), new.clone())),
        }
    }
    diff.added = b.pieces().filter(|new| a.piece(&new.name).is_none()).cloned().collect();
    diff
}
