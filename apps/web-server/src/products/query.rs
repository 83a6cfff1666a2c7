//! What a list is asked for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use serde::Deserialize;

use super::search;

/// How many products a list has that asks for no number.
const USUAL: u32 = 1_000;

/// How many a list may have.
const MOST: u32 = 5_000;

/// Longest text that is looked for, in characters.
const LONGEST: usize = 200;

/// What a list is asked for; equal queries share one look at the databases.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// A part of the name or the description, case and accents aside.
    pub text: Option<String>,
    /// The category, exactly.
    pub category: Option<String>,
    /// How many at most.
    pub limit: u32,
    /// The identity after which the list begins.
    pub after: Option<ObjectId>,
}

/// A query as the URL says it.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct Asked {
    q: Option<String>,
    category: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// What is wrong with a query, to be shown to whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// `limit` is no number from 1 to 5,000.
    #[error("limit debe ser un número entero entre 1 y {MOST}")]
    Limit,
    /// `cursor` is none that an earlier answer gave.
    #[error("cursor no válido")]
    Cursor,
    /// `q` or `category` is too long.
    #[error("El texto de búsqueda no puede tener más de {LONGEST} caracteres")]
    Text,
}

impl Asked {
    /// Reads and checks the query.
    ///
    /// # Errors
    /// What is malformed in it.
    pub fn read(self) -> Result<Query, Malformed> {
        let limit = match self.limit.as_deref().map(str::trim) {
            None | Some("") => USUAL,
            Some(text) => text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or(Malformed::Limit)?,
        };
        let after = match self.cursor.as_deref() {
            None | Some("") => None,
            Some(text) => Some(read_cursor(text).ok_or(Malformed::Cursor)?),
        };
        Ok(Query { text: sought(self.q)?, category: sought(self.category)?, limit, after })
    }
}

fn sought(text: Option<String>) -> Result<Option<String>, Malformed> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    // BSON ends a pattern at its first NUL.
    match text {
        Some(text) if text.chars().count() > LONGEST || text.contains('\0') => Err(Malformed::Text),
        text => Ok(text),
    }
}

impl Query {
    /// All products, as many as one list may have.
    pub fn all() -> Self {
        Self { text: None, category: None, limit: USUAL, after: None }
    }

    /// Whether it leaves products out by what they hold.
    pub fn is_selective(&self) -> bool {
        self.text.is_some() || self.category.is_some()
    }

    /// The query as a database takes it.
    pub fn filter(&self) -> Document {
        let mut filter = self.selection();
        if let Some(after) = self.after {
            filter.insert("_id", doc! { "$gt": after });
        }
        filter
    }

    /// The query without its beginning.
    pub fn selection(&self) -> Document {
        let mut filter = Document::new();
        if let Some(text) = &self.text {
            let pattern = search::pattern(text);
            let regex = doc! { "$regex": pattern, "$options": "i" };
            filter.insert("$or", [doc! { "name": &regex }, doc! { "description": &regex }].to_vec());
        }
        if let Some(category) = &self.category {
            filter.insert("category", category);
        }
        filter
    }
}

/// Writes where the next page begins. Clients pass it back and read nothing into it.
pub fn write_cursor(last: ObjectId) -> String {
    URL_SAFE_NO_PAD.encode(last.bytes())
}

fn read_cursor(text: &str) -> Option<ObjectId> {
    let bytes: [u8; 12] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    Some(ObjectId::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(limit: &str, cursor: &str) -> Result<Query, Malformed> {
        Asked { limit: Some(limit.into()), cursor: Some(cursor.into()), ..Asked::default() }.read()
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!(asked("5000", "").unwrap().limit, 5_000);
        assert_eq!(Asked::default().read().unwrap(), Query::all());
        for wrong in ["0", "5001", "-1", "x", "1.5", "1e3", "99999999999999999999"] {
            assert_eq!(asked(wrong, ""), Err(Malformed::Limit), "{wrong}");
        }
    }

    #[test]
    fn cursors_come_back() {
        let last = ObjectId::new();
        assert_eq!(asked("", &write_cursor(last)).unwrap().after, Some(last));
        for wrong in ["x", "{\"$gt\":\"\"}", "AAAA", "AAAAAAAAAAAAAAAA=="] {
            assert_eq!(asked("", wrong), Err(Malformed::Cursor), "{wrong}");
        }
    }

    #[test]
    fn text_has_bounds() {
        let read = |text: &str| Asked { q: Some(text.into()), ..Asked::default() }.read();
        assert_eq!(read("  ").unwrap().text, None);
        assert_eq!(read(&"x".repeat(201)), Err(Malformed::Text));
        assert_eq!(read("a\0b"), Err(Malformed::Text));
    }
}
