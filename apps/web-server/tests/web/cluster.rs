//! Replica sets of real mongods on free ports of the loopback interface.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};

/// How long anything may take here before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

fn program() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/mongod");
    let program = std::env::var_os("DISTCTL_TEST_MONGOD").map_or(here, PathBuf::from);
    assert!(program.is_file(), "{} is not there: run `lab/mongod artifacts/mongod`", program.display());
    program
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `found` gives something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, found: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One mongod, ended with its value.
pub struct Mongod {
    pub port: u16,
    folder: tempfile::TempDir,
    set: String,
    child: Option<Child>,
}

impl Mongod {
    fn start(set: &str) -> Self {
        let mut mongod =
            Self { port: free_port(), folder: tempfile::tempdir().unwrap(), set: set.to_owned(), child: None };
        mongod.begin();
        mongod
    }

    /// Starts it, again after it was killed, on what it had.
    pub fn begin(&mut self) {
        let at = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir_all(at("data")).unwrap();
        let child = Command::new(program())
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false", "--replSet", &self.set])
            // For `failCommand`.
            .args(["--setParameter", "enableTestCommands=1"])
            .args(["--port", &self.port.to_string(), "--dbpath", &at("data"), "--logpath", &at("log")])
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn direct(&self) -> Client {
        Client::with_uri_str(format!("mongodb://{}/?directConnection=true", self.host())).await.unwrap()
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A replica set that has a primary.
pub struct Set {
    pub name: String,
    pub members: Vec<Mongod>,
    pub client: Client,
}

impl Set {
    pub async fn start(name: &str, members: usize) -> Self {
        let members: Vec<Mongod> = (0..members).map(|_| Mongod::start(name)).collect();
        let hosts: Vec<Bson> =
            (0_i32..).zip(&members).map(|(id, m)| doc! {"_id": id, "host": m.host()}.into()).collect();
        let settings = doc! { "electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500 };
        let config = doc! { "_id": name, "members": hosts, "settings": settings };
        let first = members[0].direct().await;
        let first = first.database("admin");
        let initiate = || async { first.run_command(doc! { "replSetInitiate": config.clone() }).await.ok() };
        until("initiated", initiate).await;
        // Nobody else asks for votes before the election time-out, so the first need not wait for it.
        until("a primary", || async {
            let _ = first.run_command(doc! { "replSetStepUp": 1 }).await;
            let hello = first.run_command(doc! { "hello": 1 }).await.ok()?;
            hello.get_bool("isWritablePrimary").ok().filter(|is| *is)
        })
        .await;
        let client = Client::with_uri_str(uri(name, &members, "")).await.unwrap();
        let set = Self { name: name.to_owned(), members, client };
        set.await_healthy().await;
        set
    }

    /// What the service gets in its environment.
    pub fn uri(&self) -> String {
        uri(&self.name, &self.members, "products_db")
    }

    pub fn products(&self) -> mongodb::Collection<Document> {
        self.client.database("products_db").collection("products")
    }

    /// The number of the member that takes writes.
    pub async fn primary(&self) -> usize {
        until("a primary", || async {
            for (number, member) in self.members.iter().enumerate() {
                let admin = member.direct().await.database("admin");
                let hello = tokio::time::timeout(Duration::from_secs(1), admin.run_command(doc! { "hello": 1 })).await;
                if hello
                    .is_ok_and(|hello| hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)))
                {
                    return Some(number);
                }
            }
            None
        })
        .await
    }

    pub async fn await_healthy(&self) {
        let admin = self.client.database("admin");
        until("a healthy set", || async {
            let status = admin.run_command(doc! { "replSetGetStatus": 1 }).await.ok()?;
            let members = status.get_array("members").ok()?;
            let good = |member: &Bson| [1, 2].contains(&member.as_document().unwrap().get_i32("state").unwrap_or(0));
            members.iter().all(good).then_some(())
        })
        .await;
    }
}

fn uri(name: &str, members: &[Mongod], database: &str) -> String {
    let hosts: Vec<String> = members.iter().map(Mongod::host).collect();
    format!("mongodb://{}/{database}?replicaSet={name}", hosts.join(","))
}
