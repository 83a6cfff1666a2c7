//! A real mongod on a free port of the loopback interface, shared by the tests that run at the same time.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::Duration;

use crate::fixture::until;

fn program() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/mongod");
    let program = std::env::var_os("DISTCTL_TEST_MONGOD").map_or(here, PathBuf::from);
    assert!(program.is_file(), "{} is not there: run `lab/mongod artifacts/mongod`", program.display());
    program
}

/// One running mongod, ended with its value.
pub struct Mongod {
    pub port: u16,
    child: Mutex<Child>,
    _folder: tempfile::TempDir,
}

impl Mongod {
    /// The one that all share, ended with the last of them.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Mongod>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().filter(|mongod| mongod.runs()).unwrap_or_else(|| {
            // Between being found and being bound a port may be taken by somebody else's connection.
            let started = (0..5).find_map(|_| Self::try_start(free_port()).ok());
            let mongod = Arc::new(started.expect("no mongod starts"));
            *shared = Arc::downgrade(&mongod);
            mongod
        })
    }

    /// Starts one on a port, and waits until it answers.
    pub fn start(port: u16) -> Self {
        let mut said = String::new();
        let started = (0..50).find_map(|_| {
            Self::try_start(port).map_err(|log| said = log).ok().or_else(|| {
                sleep(Duration::from_millis(200));
                None
            })
        });
        started.unwrap_or_else(|| panic!("mongod ended: {said}"))
    }

    /// The same; if it ends instead, its log.
    fn try_start(port: u16) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let child = Command::new(program())
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--quiet"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .args(["--port", &port.to_string()])
            .arg("--dbpath")
            .arg(folder.path())
            .stdout(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mongod = Self { port, child: Mutex::new(child), _folder: folder };
        until("mongod answers or ends", || !mongod.runs() || TcpStream::connect(("127.0.0.1", port)).is_ok());
        if mongod.runs() { Ok(mongod) } else { Err(std::fs::read_to_string(log).unwrap_or_default()) }
    }

    fn runs(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
