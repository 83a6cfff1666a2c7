use super::*;
use std::collections::BTreeSet;

/// A folder to write into, as whoever runs the tests.
struct Bench {
    folder: tempfile::TempDir,
    owner: String,
    group: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metadata = folder.path().metadata().unwrap();
        Self { owner: metadata.uid().to_string(), group: metadata.gid().to_string(), folder }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, content: FileContent) -> FileWrite {
        let (owner, group) = (self.owner.clone(), self.group.clone());
        FileWrite { path: self.at(name), mode: 0o640, owner, group, content }
    }

    fn write(&self, files: Vec<FileWrite>) -> Result<(), Failure> {
        write_all(&WriteRequest { files, ..WriteRequest::default() }, &self.at("cache.json"))
    }

    fn names(&self, folder: &str) -> BTreeSet<String> {
        fs::read_dir(self.at(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn inline(text: &str) -> FileContent {
    FileContent::Inline(BASE64_STANDARD.encode(text))
}

fn staged(path: String, content: &[u8]) -> FileContent {
    FileContent::Staged { path, sha256: hash::of_bytes(content) }
}

#[test]
fn a_file_is_replaced_whole_and_leaves_nothing_beside() {
    let bench = Bench::new();
    bench.write(vec![bench.file("etc/mongod.conf", inline("old"))]).unwrap();
    // What a killed run would have left.
    fs::write(bench.at("etc/.mongod.conf.distctl-new"), "half").unwrap();
    bench.write(vec![bench.file("etc/mongod.conf", inline("new"))]).unwrap();
    assert_eq!(fs::read_to_string(bench.at("etc/mongod.conf")).unwrap(), "new");
    assert_eq!(fs::metadata(bench.at("etc/mongod.conf")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(bench.names("etc"), BTreeSet::from(["mongod.conf".to_owned()]));
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let bench = Bench::new();
    fs::write(bench.at("elsewhere"), "untouched").unwrap();
    std::os::unix::fs::symlink(bench.at("elsewhere"), bench.at("conf")).unwrap();
    bench.write(vec![bench.file("conf", inline("new"))]).unwrap();
    assert_eq!(fs::read_to_string(bench.at("elsewhere")).unwrap(), "untouched");
    assert!(fs::symlink_metadata(bench.at("conf")).unwrap().is_file());
}

#[test]
fn a_staged_file_is_moved_once_and_only_if_it_is_right() {
    let bench = Bench::new();
    fs::write(bench.at("staged"), "mongod").unwrap();
    let wrong = bench.write(vec![bench.file("bin/mongod", staged(bench.at("staged"), b"other"))]).unwrap_err();
    assert!(wrong.cause.contains("has the SHA-256"), "{wrong}");
    assert!(!Path::new(&bench.at("bin/mongod")).exists());

    let right = vec![bench.file("bin/mongod", staged(bench.at("staged"), b"mongod"))];
    bench.write(right.clone()).unwrap();
    assert!(!Path::new(&bench.at("staged")).exists());
    bench.write(right).unwrap();
    assert_eq!(fs::read_to_string(bench.at("bin/mongod")).unwrap(), "mongod");
}

#[test]
fn a_staged_file_on_another_file_system_is_copied() {
    let bench = Bench::new();
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    assert_ne!(other.path().metadata().unwrap().dev(), bench.folder.path().metadata().unwrap().dev());
    let from = other.path().join("staged");
    fs::write(&from, "agent").unwrap();
    bench.write(vec![bench.file("agent", staged(from.to_str().unwrap().into(), b"agent"))]).unwrap();
    assert_eq!(fs::read_to_string(bench.at("agent")).unwrap(), "agent");
    assert!(!from.exists());
}

#[test]
fn directories_and_removals() {
    let bench = Bench::new();
    fs::write(bench.at("gone"), "").unwrap();
    let (owner, group) = (bench.owner.clone(), bench.group.clone());
    let request = WriteRequest {
        directories: vec![Directory { path: bench.at("a/b"), mode: 0o750, owner, group }],
        remove: vec![bench.at("gone"), bench.at("never there")],
        ..WriteRequest::default()
    };
    write_all(&request, &bench.at("cache.json")).unwrap();
    assert_eq!(fs::metadata(bench.at("a/b")).unwrap().mode() & 0o7777, 0o750);
    assert_eq!(fs::metadata(bench.at("a")).unwrap().mode() & 0o7777, 0o755);
    assert!(!Path::new(&bench.at("gone")).exists());
}

#[test]
fn an_unknown_owner_is_named() {
    let bench = Bench::new();
    let mut file = bench.file("x", inline("x"));
    file.owner = "nobody-has-this-name".into();
    assert_eq!(bench.write(vec![file]).unwrap_err().object, "nobody-has-this-name");
}

#[test]
fn a_full_disk_is_called_one() {
    let full = explain("/var/lib/x/y", "written", &io::ErrorKind::StorageFull.into());
    assert!(full.cause.contains("the disk of the container is full: "), "{full}");
    assert!(full.hint.is_some());
}
