//! A proxy before the daemon's socket that cuts one upload half-way, in both directions, as one that is restarted does.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Listens until the test ends; its threads end with it.
pub struct Proxy {
    socket: PathBuf,
    has_cut: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens beside the daemon's socket, and cuts the first upload of a file after `bytes` bytes.
    pub fn before(daemon: &Path, bytes: usize) -> Self {
        let proxy = Self { socket: daemon.with_file_name("proxy.socket"), has_cut: Arc::default() };
        let listener = UnixListener::bind(&proxy.socket).unwrap();
        let (daemon, has_cut) = (daemon.to_path_buf(), Arc::clone(&proxy.has_cut));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&daemon).unwrap());
                let (answers, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let has_cut = Arc::clone(&has_cut);
                std::thread::spawn(move || carry(client, server, Some((bytes, &has_cut))));
                std::thread::spawn(move || carry(answers, to_client, None));
            }
        });
        proxy
    }

    /// Gives the socket, for `INCUS_SOCKET`.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether an upload was cut.
    pub fn has_cut(&self) -> bool {
        self.has_cut.load(Ordering::SeqCst)
    }
}

/// Carries bytes one way until an end. An upload that is to be cut ends both ways.
fn carry(mut from: UnixStream, mut to: UnixStream, cut: Option<(usize, &AtomicBool)>) {
    let mut piece = vec![0; 16 * 1024];
    let mut uploaded: Option<usize> = None;
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let sent = &piece[..count];
        let begins =
            sent.starts_with(b"POST") && String::from_utf8_lossy(sent).lines().next().unwrap().contains("/files");
        if begins || uploaded.is_some() {
            uploaded = Some(uploaded.unwrap_or(0) + count);
        }
        if let Some((bytes, has_cut)) = cut
            && uploaded.is_some_and(|uploaded| uploaded > bytes)
            && !has_cut.swap(true, Ordering::SeqCst)
        {
            for end in [&from, &to] {
                let _ = end.shutdown(Shutdown::Both);
            }
            return;
        }
        if to.write_all(sent).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
