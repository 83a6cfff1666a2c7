//! Artifacts that come from a URL: a server on the loopback interface has them.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use sha2::{Digest, Sha256};

use crate::system::{Ran, SHOP, System};

const MONGOD: &[u8] = b"a mongod from elsewhere";

/// What a server has at `/file`, and how often it was asked.
#[derive(Default)]
struct Shelf {
    file: Mutex<Vec<u8>>,
    asked: AtomicUsize,
}

struct Mirror {
    shelf: Arc<Shelf>,
    url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Mirror {
    fn with(file: Vec<u8>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shelf = Arc::new(Shelf { file: Mutex::new(file), ..Shelf::default() });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shelf));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { shelf, url, _runtime: runtime }
    }

    fn asked(&self) -> usize {
        self.shelf.asked.load(Ordering::SeqCst)
    }

    fn sha256(&self) -> String {
        Sha256::digest(&*self.shelf.file.lock().unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The shop, with its mongod from here.
    fn shop(&self, sha256: &str, member: &str) -> System {
        let artifact = format!("mongod: {{ url: '{}', sha256: {sha256}{member} }}", self.url);
        System::new(&SHOP.replace("mongod: { path: mongod, version: 6.0.5 }", &artifact))
    }
}

async fn serve(State(shelf): State<Arc<Shelf>>, uri: Uri) -> Result<Vec<u8>, StatusCode> {
    shelf.asked.fetch_add(1, Ordering::SeqCst);
    if uri.path() == "/file" { Ok(shelf.file.lock().unwrap().clone()) } else { Err(StatusCode::NOT_FOUND) }
}

fn run(system: &System, arguments: &[&str]) -> Ran {
    let mut command = system.command(arguments);
    command.env("XDG_CACHE_HOME", system.folder.path().join("cache"));
    system.end(command.spawn().unwrap())
}

#[track_caller]
fn assert_deployed(system: &System) {
    run(system, &["up", "--yes"]).ended(0, &["downloading http://127.0.0.1:", "shop is up"]);
    let world = system.fake.world();
    assert_eq!(world.instances["db1"].files["/usr/local/bin/mongod"].content, MONGOD);
}

#[test]
fn a_file_is_fetched_once() {
    let mirror = Mirror::with(MONGOD.to_vec());
    let system = mirror.shop(&mirror.sha256().to_uppercase(), "");
    run(&system, &["validate"]).ended(0, &[]);
    assert_eq!(mirror.asked(), 0, "a look at the file downloads nothing");
    assert_deployed(&system);
    run(&system, &["plan", "--exit-code"]).ended(0, &[]);
    run(&system, &["validate"]).ended(0, &[]);
    assert_eq!(mirror.asked(), 1);
}

#[test]
fn a_file_is_taken_out_of_a_zip() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in [("wheel/README", &b"nothing"[..]), ("wheel/bin/mongod", MONGOD)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    let mirror = Mirror::with(zip.finish().unwrap().into_inner());
    assert_deployed(&mirror.shop(&mirror.sha256(), ", member: wheel/bin/mongod"));
}

fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in [("./mongodb/README", &b"nothing"[..]), ("./mongodb/bin/mongod", MONGOD)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn a_file_is_taken_out_of_a_tar_with_and_without_gzip() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar()).unwrap();
    for archive in [tar(), gzip.finish().unwrap()] {
        let mirror = Mirror::with(archive);
        assert_deployed(&mirror.shop(&mirror.sha256(), ", member: mongodb/bin/mongod"));
    }
}

/// A failed download changes nothing, leaves no file behind, and says what to do.
#[track_caller]
fn assert_refused(mirror: &Mirror, sha256: &str, member: &str, words: &[&str]) {
    let system = mirror.shop(sha256, member);
    run(&system, &["up", "--yes"]).ended(1, words).ended(1, &["there is no artifact mongod", "Hint: check `url`"]);
    assert_eq!(system.fake.writes(), 0);
    let kept = std::fs::read_dir(system.folder.path().join("cache/distctl/downloads").join(sha256)).unwrap();
    assert!(kept.map(|entry| entry.unwrap().file_name()).all(|name| name == "file"));
}

#[test]
fn what_is_not_what_was_declared_is_refused() {
    let mirror = Mirror::with(MONGOD.to_vec());
    let other = "0".repeat(64);
    assert_refused(&mirror, &other, "", &["has another SHA-256", &mirror.sha256()]);
    assert_refused(&mirror, &mirror.sha256(), ", member: bin/mongod", &["is no archive with a file bin/mongod"]);

    let mirror = Mirror::with(tar());
    assert_refused(&mirror, &mirror.sha256(), ", member: ../mongod", &["no archive with a file ../mongod"]);

    let gone = Mirror { url: format!("{}-that-is-gone", mirror.url), ..mirror };
    assert_refused(&gone, &other, "", &["404"]);
    let closed = Mirror { url: "http://127.0.0.1:1/file".into(), ..gone };
    assert_refused(&closed, &other, "", &["can't download http://127.0.0.1:1/file"]);
}
