//! What is read out of a document: its identity, its key, where it belongs.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fragmentation::Fragmentation;
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use protocol::{Copied, Digest, Failure, Id, Version};
use sha2::{Digest as _, Sha256};

/// Where a document belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belongs<'r> {
    /// To this place; its letter, if it begins with one.
    To(&'r str, Option<char>),
    /// To none: its key shows nothing.
    Nowhere,
    /// To none: it has no key.
    WithoutKey,
    /// To none: its key is this instead of a text.
    WrongType(&'static str),
}

/// Says where a document with this key belongs.
pub fn belongs<'r>(rule: &'r Fragmentation, key: Option<RawBsonRef<'_>>) -> Belongs<'r> {
    match key {
        None => Belongs::WithoutKey,
        Some(RawBsonRef::String(text)) => match (rule.place(text), rule.letter(text)) {
            (Ok(placement), Ok(letter)) => match rule.fragments.get(placement.fragment) {
                Some(fragment) => Belongs::To(&fragment.on, letter),
                None => Belongs::Nowhere,
            },
            _ => Belongs::Nowhere,
        },
        Some(other) => Belongs::WrongType(type_name(other)),
    }
}

/// The field of a document that a rule names, also one within others: `maker.name`.
pub fn key<'d>(document: &'d RawDocument, path: &str) -> Option<RawBsonRef<'d>> {
    let mut fields = path.split('.');
    let first = document.get(fields.next()?).ok()?;
    fields.try_fold(first?, |value, field| value.as_document()?.get(field).ok()?)
}

/// The text that decides, if it is one.
pub fn text(key: Option<RawBsonRef<'_>>) -> Option<&str> {
    key?.as_str()
}

fn type_name(value: RawBsonRef<'_>) -> &'static str {
    match value {
        RawBsonRef::Null | RawBsonRef::Undefined => "null",
        RawBsonRef::Boolean(_) => "a boolean",
        RawBsonRef::Int32(_) | RawBsonRef::Int64(_) | RawBsonRef::Double(_) | RawBsonRef::Decimal128(_) => "a number",
        RawBsonRef::Array(_) => "an array",
        RawBsonRef::Document(_) => "a document",
        RawBsonRef::DateTime(_) | RawBsonRef::Timestamp(_) => "a time",
        RawBsonRef::ObjectId(_) => "an ObjectId",
        RawBsonRef::Binary(_) => "binary data",
        _ => "no text",
    }
}

/// What stands for a document where all are compared. All agents that are compared are the same binary.
pub fn digest(id: Option<RawBsonRef<'_>>, key: Option<RawBsonRef<'_>>) -> Digest {
    let hashed = |value: RawBsonRef<'_>| {
        let mut hasher = DefaultHasher::new();
        match value {
            RawBsonRef::ObjectId(id) => id.bytes().hash(&mut hasher),
            RawBsonRef::String(text) => text.hash(&mut hasher),
            other => format!("{other:?}").hash(&mut hasher),
        }
        hasher.finish().max(1)
    };
    Digest { id: id.map_or(0, hashed), key: key.filter(|key| key.as_str().is_some()).map_or(0, hashed) }
}

/// A document as it is now.
pub fn version(document: &RawDocument) -> Result<Version, String> {
    let id = document.get("_id").map_err(|error| error.to_string())?.ok_or("a document without _id")?;
    let id = Bson::try_from(id).map_err(|error| error.to_string())?;
    Ok(Version { id: write_id(id)?, sha256: sha256(document) })
}

fn sha256(document: &RawDocument) -> String {
    Sha256::digest(document.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identity as it travels.
pub fn write_id(id: Bson) -> Result<Id, String> {
    let bytes = mongodb::bson::serialize_to_vec(&doc! { "_id": id }).map_err(|error| error.to_string())?;
    Ok(BASE64_STANDARD.encode(bytes))
}

/// An identity as a filter takes it.
pub fn read_id(id: &Id) -> Result<Bson, Failure> {
    let damaged = |why: String| Failure::new("distctl-agent", format!("was sent a damaged identity: {why}"));
    let bytes = BASE64_STANDARD.decode(id).map_err(|error| damaged(error.to_string()))?;
    let mut document: Document =
        mongodb::bson::deserialize_from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    document.remove("_id").ok_or_else(|| damaged("it has no _id".into()))
}

/// An identity for people.
pub fn shown(id: RawBsonRef<'_>) -> String {
    match Bson::try_from(id) {
        Ok(Bson::ObjectId(id)) => id.to_hex(),
        Ok(id) => id.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A whole document with all that decides between two copies.
pub fn copied(rule: &Fragmentation, document: &RawDocument) -> Result<Copied, String> {
    let key = key(document, &rule.key);
    let belongs = match belongs(rule, key) {
        Belongs::To(on, _) => Some(on.to_owned()),
        _ => None,
    };
    let id = document.get("_id").ok().flatten();
    Ok(Copied {
        version: version(document)?,
        shown: id.map(shown).unwrap_or_default(),
        key: text(key).map(str::to_owned),
        belongs,
        updated_at: document.get_datetime("updated_at").ok().map(|at| at.timestamp_millis()),
    })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;
    use mongodb::bson::oid::ObjectId;

    use super::*;

    fn rule() -> Fragmentation {
        let json = r#"{"collection":"shop.products","key":"name","fragments":[
            {"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"rsB"}]}"#;
        Fragmentation::from_json(json.as_bytes()).unwrap()
    }

    fn raw(document: Document) -> RawDocumentBuf {
        RawDocumentBuf::try_from(&document).unwrap()
    }

    #[test]
    fn every_kind_of_key_has_its_place_or_its_reason() {
        let cases = [
            (doc! { "name": "Ángel" }, Belongs::To("rsA", Some('A'))),
            (doc! { "name": "ñame" }, Belongs::To("rsB", Some('N'))),
            (doc! { "name": "7up" }, Belongs::To("rsA", None)),
            (doc! { "name": "تفاح" }, Belongs::To("rsA", None)),
            (doc! { "name": "🍬" }, Belongs::To("rsA", None)),
            (doc! { "name": " \u{200b}" }, Belongs::Nowhere),
            (doc! { "name": "" }, Belongs::Nowhere),
            (doc! { "title": "A" }, Belongs::WithoutKey),
            (doc! { "name": 7 }, Belongs::WrongType("a number")),
            (doc! { "name": Bson::Null }, Belongs::WrongType("null")),
            (doc! { "name": ["A"] }, Belongs::WrongType("an array")),
        ];
        let rule = rule();
        for (document, expected) in cases {
            let document = raw(document);
            assert_eq!(belongs(&rule, key(&document, "name")), expected, "{document:?}");
        }
    }

    #[test]
    fn a_key_may_be_within_others() {
        let document = raw(doc! { "maker": { "name": "Zoe" }, "list": [{ "name": "A" }] });
        assert_eq!(text(key(&document, "maker.name")), Some("Zoe"));
        assert_eq!(key(&document, "list.name"), None);
    }

    #[test]
    fn identities_of_any_type_travel() {
        for id in [Bson::ObjectId(ObjectId::new()), "text".into(), 7.into(), Bson::Null, doc! { "a": 1, "b": 2 }.into()]
        {
            assert_eq!(read_id(&write_id(id.clone()).unwrap()).unwrap(), id);
        }
        assert!(read_id(&"?".to_owned()).is_err());
    }

    #[test]
    fn digests_tell_documents_apart() {
        let of = |document: &RawDocumentBuf| digest(document.get("_id").unwrap(), key(document, "name"));
        let (one, same, other) =
            (raw(doc! { "_id": 1, "name": "A" }), raw(doc! { "_id": 1, "name": "B" }), raw(doc! { "_id": 1_i64 }));
        assert_eq!(of(&one).id, of(&same).id);
        assert_ne!(of(&one).key, of(&same).key);
        assert_ne!(of(&one).id, of(&other).id);
        assert_eq!(of(&other).key, 0);
    }
}
