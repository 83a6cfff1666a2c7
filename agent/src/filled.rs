//! Texts that are filled with secrets of this guest.

use std::fs;

use protocol::{Failure, Piece};

/// Fills a text.
///
/// # Errors
///
/// The secret that is not there.
pub fn fill(pieces: &[Piece]) -> Result<Vec<u8>, Failure> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Secret { file, escape } => {
                let secret = fs::read_to_string(file).map_err(|error| {
                    Failure::new(file, format!("can't be read: {error}")).with_hint("run `distctl up` to put it there")
                })?;
                text.push_str(&escape.apply(secret.trim()));
            }
        }
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use protocol::Escape;

    use super::*;

    #[test]
    fn a_secret_is_written_as_the_text_around_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "a$\"b/é\n").unwrap();
        let filled = |escape| {
            let secret = Piece::Secret { file: file.to_str().unwrap().into(), escape };
            String::from_utf8(fill(&[Piece::Text("<".into()), secret, Piece::Text(">".into())]).unwrap()).unwrap()
        };
        assert_eq!(filled(Escape::Plain), "<a$\"b/é>");
        assert_eq!(filled(Escape::Environment), "<a\\$\\\"b/é>");
        assert_eq!(filled(Escape::Uri), "<a%24%22b%2F%C3%A9>");
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let absent = Piece::Secret { file: "/nowhere/jwt".into(), escape: Escape::Plain };
        assert_eq!(fill(&[absent]).unwrap_err().object, "/nowhere/jwt");
    }
}
