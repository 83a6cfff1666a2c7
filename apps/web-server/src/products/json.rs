//! Products as JSON, written straight from what a database sent.

use std::io::Write;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, RawBsonRef, RawDocument};

/// A product as its document says it; whatever has an unexpected type counts as missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product<'a> {
    /// Its identity, the same in whichever database it is.
    pub id: ObjectId,
    /// Its name, which decides where it belongs.
    pub name: &'a str,
    /// What it is.
    pub description: &'a str,
    /// What one costs.
    pub price: f64,
    /// How many are there.
    pub stock: i64,
    /// What it is among; may be empty.
    pub category: &'a str,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it was changed last: the newest of two copies is the product.
    pub updated_at: Option<DateTime>,
}

impl<'a> Product<'a> {
    /// Reads a document; `None` without an ObjectId, which no product of ours lacks.
    pub fn read(document: &'a RawDocument) -> Option<Self> {
        let mut product = Self {
            id: ObjectId::from_bytes([0; 12]),
            name: "",
            description: "",
            price: 0.0,
            stock: 0,
            category: "",
            created_at: None,
            updated_at: None,
        };
        let mut identified = false;
        for element in document {
            let (key, value) = element.ok()?;
            match (key.as_str(), value) {
                ("_id", RawBsonRef::ObjectId(id)) => (product.id, identified) = (id, true),
                ("name", RawBsonRef::String(text)) => product.name = text,
                ("description", RawBsonRef::String(text)) => product.description = text,
                ("category", RawBsonRef::String(text)) => product.category = text,
                ("price", value) => product.price = number(value).unwrap_or_default(),
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a stock is whole; a larger one is cut to the most"
                )]
                ("stock", value) => {
                    product.stock = whole(value).unwrap_or_else(|| number(value).unwrap_or_default() as i64);
                }
                ("created_at", RawBsonRef::DateTime(at)) => product.created_at = Some(at),
                ("updated_at", RawBsonRef::DateTime(at)) => product.updated_at = Some(at),
                _ => {}
            }
        }
        identified.then_some(product)
    }

    /// Appends the product as a JSON object; `database` is one of ours and needs no escaping.
    pub fn write(&self, into: &mut Vec<u8>, database: &str) {
        let mut id = [0; 24];
        // Twelve bytes are twenty-four digits.
        let _ = hex::encode_to_slice(self.id.bytes(), &mut id);
        into.extend_from_slice(b"{\"_id\":\"");
        into.extend_from_slice(&id);
        into.extend_from_slice(b"\",\"name\":");
        text(into, self.name);
        into.extend_from_slice(b",\"description\":");
        text(into, self.description);
        into.extend_from_slice(b",\"price\":");
        // A Vec takes all that is written to it.
        let _ = serde_json::to_writer(&mut *into, &self.price);
        let _ = write!(into, ",\"stock\":{},\"category\":", self.stock);
        text(into, self.category);
        into.extend_from_slice(b",\"created_at\":");
        moment(into, self.created_at);
        into.extend_from_slice(b",\"updated_at\":");
        moment(into, self.updated_at);
        let _ = write!(into, ",\"database\":\"{database}\"}}");
    }
}

fn number(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Double(number) => Some(number),
        #[expect(clippy::cast_precision_loss, reason = "prices are doubles; ours never come near 2^53")]
        RawBsonRef::Int64(number) => Some(number as f64),
        RawBsonRef::Int32(number) => Some(number.into()),
        _ => None,
    }
}

fn whole(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int64(number) => Some(number),
        RawBsonRef::Int32(number) => Some(number.into()),
        _ => None,
    }
}

fn text(into: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(into, text);
}

/// Appends a moment as RFC 3339 in UTC, or null.
fn moment(into: &mut Vec<u8>, at: Option<DateTime>) {
    let stamp = at.and_then(|at| jiff::Timestamp::from_millisecond(at.timestamp_millis()).ok());
    let _ = match stamp {
        Some(stamp) => write!(into, "\"{stamp:.3}\""),
        None => write!(into, "null"),
    };
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};
    use serde_json::{Value, json};

    use super::*;

    fn written(document: mongodb::bson::Document) -> Value {
        let raw = RawDocumentBuf::try_from(&document).unwrap();
        let mut text = Vec::new();
        Product::read(&raw).unwrap().write(&mut text, "DB1");
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn a_product_has_all_fields() {
        let id = ObjectId::parse_str("0123456789abcdef01234567").unwrap();
        let at = DateTime::from_millis(1_763_724_000_120);
        let product = written(doc! {
            "_id": id, "name": "Azúcar \"fina\"\n</script>", "description": "x", "price": 12.5, "stock": 3_i64,
            "category": "Abarrotes", "created_at": at, "updated_at": at,
        });
        let expected = json!({
            "_id": "0123456789abcdef01234567", "name": "Azúcar \"fina\"\n</script>", "description": "x", "price": 12.5,
            "stock": 3, "category": "Abarrotes", "created_at": "2025-11-21T11:20:00.120Z",
            "updated_at": "2025-11-21T11:20:00.120Z", "database": "DB1",
        });
        assert_eq!(product, expected);
    }

    #[test]
    fn what_others_wrote_is_read_as_far_as_it_goes() {
        let product = written(doc! { "_id": ObjectId::new(), "name": 7, "price": 3, "stock": 2.0 });
        assert_eq!((&product["name"], &product["price"], &product["stock"]), (&json!(""), &json!(3.0), &json!(2)));
        assert_eq!(product["created_at"], Value::Null);
        let nameless = RawDocumentBuf::try_from(&doc! { "_id": "text" }).unwrap();
        assert_eq!(Product::read(&nameless), None);
    }

    #[test]
    fn not_a_number_is_null() {
        let product = written(doc! { "_id": ObjectId::new(), "price": f64::NAN });
        assert_eq!(product["price"], Value::Null);
    }
}
