//! A real mongod on a free port of the loopback interface, shared by the tests that run at the same time.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

fn program() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/mongod");
    let program = std::env::var_os("DISTCTL_TEST_MONGOD").map_or(here, PathBuf::from);
    assert!(program.is_file(), "{} is not there: run `lab/mongod artifacts/mongod`", program.display());
    program
}

/// One running mongod, ended with its value.
pub struct Mongod {
    pub port: u16,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Mongod {
    /// The one that all share, ended with the last of them.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Mongod>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let mongod = Arc::new(Self::start(free_port()));
            *shared = Arc::downgrade(&mongod);
            mongod
        })
    }

    pub fn start(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(program())
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--quiet"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .args(["--port", &port.to_string()])
            .arg("--dbpath")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { port, child, _folder: folder }
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
