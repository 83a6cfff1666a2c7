//! Real mongods on free ports of the loopback interface.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mongodb::bson::{Document, doc};
use protocol::{
    Credential, EnsureUsersRequest, InitiateRequest, InspectRequest, Mongod as Seen, MongodAbsence, MongodQuery,
    Request, Role, SetAddress, SetConfig, SetMember, SetSettings, UserSpec, WaitMongodRequest, WaitReplicaSetRequest,
};

use crate::call::{done, inspect};

/// One test at a time has mongods: more would measure the machine, not the agent.
static TURN: Mutex<()> = Mutex::new(());

/// How long anything may take here before it counts as hanging, in milliseconds.
pub const PATIENCE: u64 = 60_000;

fn program() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts/mongod");
    let program = std::env::var_os("DISTCTL_TEST_MONGOD").map_or(here, PathBuf::from);
    assert!(program.is_file(), "{} is not there: run `lab/mongod artifacts/mongod`", program.display());
    program
}

/// One running mongod, ended with its value.
pub struct Mongod {
    pub port: u16,
    pub host: String,
    command: Command,
    child: Child,
}

impl Mongod {
    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after it has ended.
    pub fn start(&mut self) {
        self.child = self.command.spawn().unwrap();
    }

    /// Starts it again with more options.
    pub fn start_with(&mut self, options: &[&str]) {
        self.command.args(options);
        self.start();
    }

    /// Starts it again as a member of a set of another name.
    pub fn start_in(&mut self, set: &str) {
        let arguments: Vec<_> = self.command.get_args().map(ToOwned::to_owned).collect();
        let before = arguments.iter().position(|one| one == "--replSet").unwrap() + 1;
        let arguments =
            arguments.iter().enumerate().map(|(at, one)| if at == before { set.as_ref() } else { one.as_os_str() });
        let mut command = Command::new(self.command.get_program());
        command.args(arguments).stdout(Stdio::null());
        self.command = command;
        self.start();
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How mongods let clients in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    None,
    Keyfile,
}

/// A folder with mongods, their keyfile and the passwords of their users.
pub struct Bench {
    pub members: Vec<Mongod>,
    pub auth: Auth,
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Bench {
    pub fn empty(auth: Auth) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let bench = Self { members: Vec::new(), auth, folder: tempfile::tempdir().unwrap(), _turn: turn };
        for name in ["admin", "agent", "shop"] {
            std::fs::write(bench.at(&format!("{name}.password")), format!("{name}-has-a-secret\n")).unwrap();
        }
        bench.write_key("keyfile", 'k');
        bench
    }

    /// Starts mongods of one set, which is not initiated yet.
    pub fn with_members(auth: Auth, count: usize) -> Self {
        let mut bench = Self::empty(auth);
        for _ in 0..count {
            bench.start(&["--replSet", "rsA"], "keyfile");
        }
        bench.await_members();
        bench
    }

    /// A set of three that is initiated, has its users and is healthy.
    pub fn healthy(auth: Auth) -> Self {
        let bench = Self::with_members(auth, 3);
        bench.initiate();
        if auth == Auth::Keyfile {
            bench.ensure_users();
        }
        bench.await_healthy();
        bench
    }

    pub fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write_key(&self, name: &str, letter: char) {
        std::fs::write(self.at(name), letter.to_string().repeat(100)).unwrap();
        std::fs::set_permissions(self.at(name), std::fs::Permissions::from_mode(0o400)).unwrap();
    }

    /// Starts one more mongod and gives its number.
    pub fn start(&mut self, options: &[&str], keyfile: &str) -> usize {
        let number = self.members.len();
        let (data, log) = (self.at(&format!("data{number}")), self.at(&format!("{number}.log")));
        std::fs::create_dir_all(&data).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program());
        command
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .args(["--port", &port.to_string(), "--dbpath", &data, "--logpath", &log])
            .args(options);
        if !options.contains(&"--wiredTigerCacheSizeGB") {
            command.args(["--wiredTigerCacheSizeGB", "0.25"]);
        }
        if self.auth == Auth::Keyfile {
            command.args(["--keyFile", &self.at(keyfile)]);
        }
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        self.members.push(Mongod { port, host: format!("127.0.0.1:{port}"), command, child });
        number
    }

    pub fn await_members(&self) {
        for (number, member) in self.members.iter().enumerate() {
            done(Request::WaitMongod(WaitMongodRequest {
                port: member.port,
                unit: "none.service".into(),
                log: self.at(&format!("{number}.log")),
                timeout_ms: PATIENCE,
            }));
        }
    }

    pub fn hosts(&self) -> Vec<String> {
        self.members.iter().map(|member| member.host.clone()).collect()
    }

    pub fn credential(&self, user: &str) -> Option<Credential> {
        (self.auth == Auth::Keyfile)
            .then(|| Credential { user: user.into(), password_file: self.at(&format!("{user}.password")) })
    }

    pub fn address(&self) -> SetAddress {
        SetAddress { name: "rsA".into(), hosts: self.hosts(), credential: self.credential("admin") }
    }

    /// The configuration that the set should have: the first member is the favourite.
    pub fn config(&self) -> SetConfig {
        let members = self.members.iter().zip(0..).map(|(member, id)| SetMember {
            id,
            host: member.host.clone(),
            priority: if id == 0 { 2.0 } else { 1.0 },
            votes: 1,
            hidden: false,
            arbiter_only: false,
            build_indexes: true,
            secondary_delay_secs: 0,
            tags: [("place".to_owned(), format!("rack{id}"))].into(),
        });
        let settings = SetSettings { heartbeat_timeout_secs: 9, ..SetSettings::default() };
        SetConfig { name: "rsA".into(), version: 0, members: members.collect(), settings, other: Default::default() }
    }

    pub fn initiation(&self) -> Request {
        let port = self.members[0].port;
        Request::InitiateReplicaSet(InitiateRequest { port, config: self.config(), admin: None, timeout_ms: PATIENCE })
    }

    pub fn initiate(&self) -> Vec<String> {
        done(self.initiation())
    }

    pub fn users(&self) -> EnsureUsersRequest {
        let user = |name: &str, role: &str, db: &str| UserSpec {
            credential: self.credential(name).unwrap(),
            roles: vec![Role { role: role.into(), db: db.into() }],
        };
        EnsureUsersRequest {
            port: self.members[0].port,
            set: Some(self.address()),
            admin: self.credential("admin").unwrap(),
            users: vec![
                user("admin", "root", "admin"),
                user("agent", protocol::AGENT_ROLE, "admin"),
                user("shop", "readWrite", "shop"),
            ],
            timeout_ms: PATIENCE,
        }
    }

    pub fn ensure_users(&self) -> Vec<String> {
        done(Request::EnsureUsers(self.users()))
    }

    pub fn await_healthy(&self) {
        done(self.health(PATIENCE));
    }

    pub fn health(&self, timeout_ms: u64) -> Request {
        let keyfile = (self.auth == Auth::Keyfile).then(|| self.at("keyfile"));
        let (set, members) = (self.address(), self.hosts());
        Request::WaitReplicaSet(WaitReplicaSetRequest { set, members, keyfile, timeout_ms })
    }

    /// Looks at one member as a user.
    pub fn look(&self, number: usize, user: &str) -> Result<Seen, MongodAbsence> {
        let logins = ["admin", "agent", "shop"].into_iter().filter(|other| *other != user);
        let logins = logins.filter_map(|user| self.credential(user)).collect();
        let query = MongodQuery { port: self.members[number].port, credential: self.credential(user), logins };
        let port = query.port;
        inspect(InspectRequest { mongods: vec![query], ..Default::default() }).mongods.remove(&port).unwrap()
    }

    /// A member's answer to a command of the administrator.
    pub fn ask(&self, number: usize, command: Document) -> Document {
        let uri = format!("mongodb://admin:admin-has-a-secret@{}/?directConnection=true", self.members[number].host);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime
            .block_on(async { mongodb::Client::with_uri_str(uri).await?.database("admin").run_command(command).await });
        answer.unwrap()
    }

    /// From whom a member copies, as it says itself; empty if from nobody.
    pub fn sync_source(&self, number: usize) -> String {
        self.ask(number, doc! { "replSetGetStatus": 1 }).get_str("syncSourceHost").unwrap().to_owned()
    }

    /// The number of the member that takes writes.
    pub fn primary(&self) -> Option<usize> {
        (0..self.members.len()).find(|number| self.look(*number, "agent").is_ok_and(|seen| seen.writable))
    }
}
