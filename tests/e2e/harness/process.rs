//! Processes: one that has ended, one that runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let begun = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("the command can't be run");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: begun.elapsed(),
        }
    }

    /// All that it said.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        self
    }

    /// Fails unless it ended with one of these codes.
    #[track_caller]
    pub fn ended_with_one_of(self, codes: &[i32]) -> Self {
        assert!(self.code.is_some_and(|code| codes.contains(&code)), "{:?}: {}", self.code, self.all());
        self
    }

    /// Fails unless it said each of these.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.all().contains(part), "it does not say '{part}':\n{}", self.all());
        }
        self
    }
}

/// A process that runs, and is killed when dropped.
pub struct Running {
    child: Child,
    begun: Instant,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Running {
    /// Starts a command. Its standard output must be short: nobody reads it before the end.
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the command can't be run");
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, begun: Instant::now(), stderr, said: String::new() }
    }

    /// Reads standard error up to the line that a test waits for; `false` if the process ended before.
    pub fn said(&mut self, mut expected: impl FnMut(&str) -> bool) -> bool {
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                return false;
            }
            self.said.push_str(&line);
            if expected(&line) {
                return true;
            }
        }
    }

    /// Sends a signal: `KILL`, `INT`, `TERM`.
    pub fn signal(&self, name: &str) {
        Ran::of(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string())).ended_with(0);
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        Ran { code, stdout, stderr: std::mem::take(&mut self.said), took: self.begun.elapsed() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
