//! Names of pieces for collections, whose own names may hold anything.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::CollectionName;

use crate::desired::sha256_hex;

/// What the names of pieces begin with that are data.
pub const DATA: &str = "data/";

/// How long the encoded name of a database or a collection may be, in bytes: a piece's whole name has at most 255.
const LONGEST: usize = 90;

/// How much of a hash stands for the rest of a longer one.
const HASH: usize = 16;

/// What stands for itself in the name of a database, which is a folder here.
const FOLDER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The same in that of a collection.
const FILE: &AsciiSet = &FOLDER.remove(b'.');

/// The names of the pieces of a collection: what it is made with, and its documents.
pub fn of(owner: &str, name: &CollectionName) -> (String, String) {
    let (database, collection) = (encoded(&name.database, FOLDER), encoded(&name.collection, FILE));
    let both = format!("{DATA}{owner}/{database}/{collection}");
    (format!("{both}.json"), format!("{both}.bson"))
}

/// A name as a part of a path. Different ones stay different, and nobody needs to read them back.
fn encoded(name: &str, plain: &'static AsciiSet) -> String {
    let encoded = utf8_percent_encode(name, plain).to_string();
    if encoded.len() <= LONGEST {
        return encoded;
    }
    // All is ASCII by now, and no name that was short enough has a `~`.
    format!("{}~{}", &encoded[..LONGEST - HASH - 1], &sha256_hex(name.as_bytes())[..HASH])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(database: &str, collection: &str) -> String {
        let name = CollectionName { database: database.to_owned(), collection: collection.to_owned() };
        of("rsA", &name).1
    }

    #[test]
    fn any_name_makes_one_that_a_bundle_takes() {
        assert_eq!(piece("products_db", "products"), "data/rsA/products_db/products.bson");
        assert_eq!(piece("shop", "orders.2024"), "data/rsA/shop/orders.2024.bson");
        assert_eq!(piece("shop", "../../etc/passwd"), "data/rsA/shop/..%2F..%2Fetc%2Fpasswd.bson");
        assert_eq!(piece("..", "a b\n\\ñ~"), "data/rsA/%2E%2E/a%20b%0A%5C%C3%B1%7E.bson");
        assert_eq!(piece("shop", ".."), "data/rsA/shop/...bson");
    }

    #[test]
    fn long_names_stay_short_and_different() {
        let longest = |last: &str| piece(&"日".repeat(21), &format!("{}{last}", "ñ".repeat(90)));
        assert!(longest("a").len() <= 255 - "a replica set of 63 characters".len(), "{}", longest("a"));
        assert_ne!(longest("a"), longest("b"));
    }

    #[test]
    fn a_collection_that_is_called_as_a_piece_is_another() {
        let (made, documents) = of("rsA", &CollectionName { database: "shop".into(), collection: "a.bson".into() });
        let (other, others) = of("rsA", &CollectionName { database: "shop".into(), collection: "a".into() });
        assert!(![&other, &others].contains(&&made) && ![&other, &others].contains(&&documents));
    }
}
