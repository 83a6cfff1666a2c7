//! What logs show of secrets: nothing. The guest knows them, so they are masked before a line leaves it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use protocol::Escape;

/// The folder of all secrets of a guest.
const STORE: &str = "/var/lib/distctl/secrets";

/// What stands in place of a secret.
const MASK: &str = "***";

/// Texts that are shorter are no secrets, and would be found in every other line.
const SHORTEST: usize = 6;

/// The secrets of a guest, in all ways in which a log may have them.
pub struct Mask(Vec<(Vec<u8>, Vec<u8>)>);

impl Mask {
    /// Reads the secrets of this guest. Where they can't be read there are none to mask.
    pub fn of_guest() -> Self {
        Self::of(Path::new(STORE))
    }

    fn of(store: &Path) -> Self {
        let files = std::fs::read_dir(store).into_iter().flatten().flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let mut forms: Vec<(Vec<u8>, Vec<u8>)> = texts.flat_map(|text| forms(text.trim())).collect();
        // A longer one first: it may hold a shorter one.
        forms.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        Self(forms)
    }

    /// A text without secrets.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// Lines without secrets.
    pub fn lines(&self, lines: Vec<String>) -> Vec<String> {
        lines.iter().map(|line| self.text(line)).collect()
    }

    fn bytes(&self, text: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            match self.0.iter().find(|(secret, _)| text[at..].starts_with(secret)) {
                Some((secret, mask)) => {
                    masked.extend_from_slice(mask);
                    at += secret.len();
                }
                None => {
                    masked.push(text[at]);
                    at += 1;
                }
            }
        }
        masked
    }
}

/// A secret as a program prints it: as it is, within a URI, as JSON has it, and as the numbers of its bytes, in which
/// the journal gives a message with colours. Of a key over several lines each line.
fn forms(secret: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mask = |text: String| (text.into_bytes(), MASK.as_bytes().to_vec());
    let numbers = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
    lines
        .flat_map(|line| {
            let uri = Escape::Uri.apply(line);
            let json = serde_json::to_string(line).unwrap_or_default();
            let json = json.trim_matches('"').to_owned();
            let bytes = (numbers(line).into_bytes(), numbers(MASK).into_bytes());
            let uri_bytes = (numbers(&uri).into_bytes(), numbers(MASK).into_bytes());
            [mask(line.to_owned()), mask(uri), mask(json), bytes, uri_bytes]
        })
        .collect()
}

/// Runs a command that reads a log, and passes its output on line by line without secrets. Ends as it ends.
pub fn run(command: &[String]) -> ExitCode {
    match pass(command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", command.first().map_or("", String::as_str));
            ExitCode::FAILURE
        }
    }
}

fn pass(command: &[String]) -> std::io::Result<u8> {
    let [program, arguments @ ..] = command else { return Ok(0) };
    let mask = Mask::of_guest();
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(output) = child.stdout.take() {
        // Where nobody listens any more the command's pipe is closed with this, and it ends.
        let _ = copy(&mask, BufReader::new(output), std::io::stdout().lock());
    }
    let status = child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn copy(mask: &Mask, mut from: impl BufRead, mut to: impl Write) -> std::io::Result<()> {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&mask.bytes(&line))?;
        to.flush()?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        let store = tempfile::tempdir().unwrap();
        std::fs::write(store.path().join("web"), "pa/ss\"word\n").unwrap();
        std::fs::write(store.path().join("keyfile"), "firstline\nsecondline\n").unwrap();
        std::fs::write(store.path().join("short"), "abc").unwrap();
        Mask::of(store.path())
    }

    #[test]
    fn a_secret_is_masked_however_it_is_written() {
        let mask = mask();
        assert_eq!(mask.text("key pa/ss\"word."), "key ***.");
        assert_eq!(mask.text("mongodb://web:pa%2Fss%22word@db1/x"), "mongodb://web:***@db1/x");
        assert_eq!(mask.text(r#"{"MESSAGE":"pa/ss\"word"}"#), r#"{"MESSAGE":"***"}"#);
        assert_eq!(mask.text("firstline, secondline, abc, password"), "***, ***, abc, password");
    }

    #[test]
    fn a_secret_in_a_message_of_bytes_is_masked() {
        let bytes = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
        let line = format!("[27,91,{},10]", bytes("x pa%2Fss%22word"));
        assert_eq!(mask().text(&line), format!("[27,91,{},10]", bytes("x ***")));
    }

    #[test]
    fn lines_are_passed_on_as_they_are_but_for_secrets() {
        let mut out = Vec::new();
        copy(&mask(), &b"one\n\xff pa/ss\"word\nlast"[..], &mut out).unwrap();
        assert_eq!(out, b"one\n\xff ***\nlast");
    }
}
