//! Configuration from the environment.

use std::fmt::Display;
use std::str::FromStr;

use crate::{SecretKey, Weakness};

/// Why a variable of the environment can't be used. It never tells the value: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {cause}: {advice}")]
pub struct Error {
    name: String,
    cause: String,
    advice: String,
}

impl Error {
    /// An error that names the variable, what is wrong with it, and what to do.
    pub fn new(name: &str, cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name: name.to_owned(), cause: cause.into(), advice: advice.into() }
    }
}

/// Reads a variable that must be there.
///
/// # Errors
/// If it is missing, blank or no UTF-8.
pub fn required(name: &str) -> Result<String, Error> {
    value(name)?.ok_or_else(|| Error::new(name, "is not set", "set it in the service's environment"))
}

/// Reads a variable that has a default.
///
/// # Errors
/// If it is no UTF-8.
pub fn or(name: &str, default: &str) -> Result<String, Error> {
    Ok(value(name)?.unwrap_or_else(|| default.to_owned()))
}

/// Reads a variable that is a number, an address or the like.
///
/// # Errors
/// If it is there and can't be read as one.
pub fn parsed<T>(name: &str, default: T) -> Result<T, Error>
where
    T: FromStr,
    T::Err: Display,
{
    match value(name)? {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|cause: T::Err| Error::new(name, format!("can't be read ({cause})"), "correct or remove it")),
    }
}

/// Reads the key that signs tokens.
///
/// # Errors
/// If it is missing, shorter than 32 bytes, or one that can be guessed.
pub fn secret_key(name: &str) -> Result<SecretKey, Error> {
    const ADVICE: &str =
        "set it to 32 random bytes or more, the same for all services, as `openssl rand -hex 32` writes";
    let text = value(name)?.ok_or_else(|| Error::new(name, "is not set", ADVICE))?;
    text.parse().map_err(|weakness: Weakness| Error::new(name, weakness.to_string(), ADVICE))
}

/// A variable without the space around it; `None` if it is missing or blank.
fn value(name: &str) -> Result<Option<String>, Error> {
    let Some(raw) = std::env::var_os(name) else { return Ok(None) };
    let text = raw.into_string().map_err(|_| Error::new(name, "is no UTF-8", "correct it"))?;
    Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_variable_the_cause_and_what_to_do() {
        let missing = required("SERVING_TEST_UNSET").unwrap_err().to_string();
        assert_eq!(missing, "SERVING_TEST_UNSET is not set: set it in the service's environment");
        // PATH is there and no number; its value stays out of the text.
        let text = parsed::<u16>("PATH", 1).unwrap_err().to_string();
        assert_eq!(text, "PATH can't be read (invalid digit found in string): correct or remove it");
        let key = secret_key("SERVING_TEST_UNSET").unwrap_err().to_string();
        assert!(key.starts_with("SERVING_TEST_UNSET is not set: set it to 32 random bytes"), "{key}");
    }

    #[test]
    fn falls_back_to_defaults() {
        assert_eq!(or("SERVING_TEST_UNSET", "here"), Ok("here".to_owned()));
        assert_eq!(parsed("SERVING_TEST_UNSET", 5000_u16), Ok(5000));
    }
}
