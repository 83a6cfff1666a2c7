//! A chromedriver inside the lab's network, and its protocol: W3C WebDriver, JSON over HTTP.
//!
//! No client of others fits what `deny.toml` allows: fantoccini brings `webdriver` (MPL-2.0), thirtyfour brings
//! `const_format` (Zlib). A demo needs a dozen calls, and those that look alike are one here.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::harness::lab;

/// The longest time for one call, which may wait for a page to load.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes the calling thread into the lab's network: its connections begin there, and the processes it starts live there.
pub fn enter_lab() {
    let name = lab().state().file_name().unwrap().to_str().unwrap();
    let network = File::open(format!("/run/netns/lab-{name}")).expect("the lab has no network");
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).expect("it takes root");
}

/// A chromedriver that runs. It ends with this, and its browsers with it.
pub struct Driver {
    process: Child,
    /// Kept open: a chromedriver that can't print ends.
    _stdout: BufReader<ChildStdout>,
    address: String,
    http: Client,
    runtime: Runtime,
}

impl Driver {
    /// Starts one on a free port. The kernel ends it when the calling thread ends, in whatever way, and with it all
    /// that it has started, since that is in a process namespace of its own.
    pub fn start() -> Self {
        let mut process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["chromedriver", "--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver can't be run: `lab/install --with-browser` installs it");
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let address = format!("http://127.0.0.1:{}", port(&mut stdout));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { process, _stdout: stdout, address, http, runtime }
    }

    /// Sends a command. The error is the driver's own.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.runtime.block_on(async { request.send().await?.json::<Value>().await });
        let mut answer = answer.map_err(|error| format!("chromedriver: {error}"))?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
            None => Ok(value),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The port that it says it listens on.
fn port(stdout: &mut impl BufRead) -> u16 {
    let told = stdout.lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    told.expect("chromedriver does not start")
}
