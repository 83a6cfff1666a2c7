//! What members have taken back: a mongod that rejoins its set writes what only it had into files.
//!
//! They are `rollback/COLLECTION/removed.TIME.bson` under its data, the collection by its UUID (measured with 6.0.5).

use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use mongodb::bson::Document;
use protocol::{Failure, Rollback, Rollbacks, RollbacksRequest};

use crate::workload;

/// Finds the files of members in this guest, and the workload's documents in them.
pub fn find(request: &RollbacksRequest) -> Result<Rollbacks, Failure> {
    let since = UNIX_EPOCH + Duration::from_millis(u64::try_from(request.since_ms).unwrap_or(0));
    let mut files = Vec::new();
    for (host, data) in &request.data {
        let folder = Path::new(data).join("rollback");
        let found = below(&folder)
            .map_err(|error| Failure::new(folder.to_string_lossy(), format!("can't be read: {error}")))?;
        let new = |path: &PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|at| at >= since);
        files.extend(found.into_iter().filter(new).map(|path| read(request, host, &path)));
    }
    Ok(Rollbacks { files })
}

fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            paths.extend(below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "bson") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn read(request: &RollbacksRequest, host: &str, path: &Path) -> Rollback {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let collection = request.collections.get(&folder).cloned().unwrap_or(folder);
    let mut rollback = Rollback {
        host: host.to_owned(),
        file: path.to_string_lossy().into_owned(),
        collection,
        inserts: Vec::new(),
        others: 0,
        error: None,
    };
    if let Err(error) = read_into(&mut rollback, request, path) {
        rollback.error = Some(error);
    }
    rollback
}

fn read_into(rollback: &mut Rollback, request: &RollbacksRequest, path: &Path) -> Result<(), String> {
    let mut file = BufReader::new(fs::File::open(path).map_err(|error| error.to_string())?);
    while !io::BufRead::fill_buf(&mut file).map_err(|error| error.to_string())?.is_empty() {
        let document = Document::from_reader(&mut file).map_err(|error| error.to_string())?;
        match insert(&rollback.collection, request, &document) {
            Some(op) => rollback.inserts.push(op),
            None => rollback.others += 1,
        }
    }
    Ok(())
}

/// The number of the run's insert that made a document. Others may have fields of the same names in collections of
/// their own.
fn insert(collection: &str, request: &RollbacksRequest, document: &Document) -> Option<u64> {
    if let Some(mark) = &request.mark {
        let own = document.get_str("name").ok().and_then(|name| name.trim().strip_suffix(&**mark));
        return own.and_then(|name| workload::number(name.trim()));
    }
    let is_known = request.collections.values().any(|known| known == collection);
    if is_known && collection != format!("{}.inserts", request.database) {
        return None;
    }
    let op = document.get_i64("op").ok().and_then(|op| u64::try_from(op).ok());
    op.filter(|_| document.contains_key("client"))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn finds_what_was_taken_back_since_then() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("rollback/5b2c");
        fs::create_dir_all(&folder).unwrap();
        let documents =
            [doc! { "_id": 1, "op": 7_i64, "client": 0 }, doc! { "name": "Sal" }, doc! { "op": 9_i64, "client": 1 }];
        let bytes: Vec<u8> = documents.iter().flat_map(|one| one.to_vec().unwrap()).collect();
        fs::write(folder.join("removed.2026.bson"), &bytes).unwrap();
        fs::write(folder.join("removed.cut.bson"), &bytes[..bytes.len() - 3]).unwrap();
        let request = |since_ms| RollbacksRequest {
            data: [("h:1".to_owned(), root.path().to_string_lossy().into_owned())].into(),
            database: "distctl_drill".into(),
            collections: std::collections::BTreeMap::new(),
            mark: None,
            since_ms,
        };
        let found = find(&request(0)).unwrap().files;
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].inserts.as_slice(), found[0].others, found[0].error.is_none()), (&[7, 9][..], 1, true));
        assert_eq!((found[1].inserts.as_slice(), found[1].error.is_some()), (&[7][..], true));
        assert!(find(&request(i64::MAX)).unwrap().files.is_empty());
    }

    #[test]
    fn documents_of_others_are_told_apart_by_their_collection_and_products_by_the_mark_of_their_run() {
        let root = tempfile::tempdir().unwrap();
        let put = |uuid: &str, documents: &[Document]| {
            let folder = root.path().join("rollback").join(uuid);
            fs::create_dir_all(&folder).unwrap();
            let bytes: Vec<u8> = documents.iter().flat_map(|one| one.to_vec().unwrap()).collect();
            fs::write(folder.join("removed.2026.bson"), bytes).unwrap();
        };
        // Somebody's own documents have fields of the same names.
        put("a1", &[doc! { "op": 7_i64, "client": "Ana" }]);
        put("b2", &[doc! { "op": 8_i64, "client": 0 }, doc! { "name": "C drill 5 a-run 00ff" }]);
        let collections =
            [("a1", "shop.orders"), ("b2", "distctl_drill.inserts")].map(|(uuid, name)| (uuid.into(), name.into()));
        let mut request = RollbacksRequest {
            data: [("h:1".to_owned(), root.path().to_string_lossy().into_owned())].into(),
            database: "distctl_drill".into(),
            collections: collections.into(),
            mark: None,
            since_ms: 0,
        };
        let found = |request: &RollbacksRequest| {
            let files = find(request).unwrap().files;
            files.into_iter().map(|file| (file.collection, file.inserts, file.others)).collect::<Vec<_>>()
        };
        let (orders, inserts) = ("shop.orders".to_owned(), "distctl_drill.inserts".to_owned());
        assert_eq!(found(&request), [(orders.clone(), vec![], 1), (inserts.clone(), vec![8], 1)]);
        request.mark = Some("a-run 00ff".to_owned());
        assert_eq!(found(&request), [(orders, vec![], 1), (inserts, vec![5], 1)]);
    }
}
