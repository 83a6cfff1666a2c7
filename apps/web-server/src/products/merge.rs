//! What several databases sent, as one list.

use mongodb::bson::RawDocument;

use super::json::Product;

/// One database's answer to a query, in the order of identities.
#[derive(Debug)]
pub struct Part<'a> {
    /// The position of the database.
    pub home: usize,
    /// Its documents.
    pub documents: Vec<&'a RawDocument>,
}

/// Walks products of all parts in the order of their identities, and shows each once.
///
/// Of two copies, which a crash in the middle of a move leaves, the newest is the product. The order is the same
/// for every call, so pages neither repeat nor skip.
pub fn merge<'a>(parts: &[Part<'a>], mut show: impl FnMut(usize, Product<'a>) -> bool) {
    let mut rows: Vec<_> = parts
        .iter()
        .map(|part| (part.home, part.documents.iter().filter_map(|document| Product::read(document)).peekable()))
        .collect();
    loop {
        let Some(id) = rows.iter_mut().filter_map(|(_, row)| row.peek().map(|product| product.id)).min() else {
            return;
        };
        let mut newest: Option<(usize, Product<'a>)> = None;
        for (home, row) in &mut rows {
            while let Some(copy) = row.next_if(|product| product.id == id) {
                if newest.as_ref().is_none_or(|(_, best)| copy.updated_at > best.updated_at) {
                    newest = Some((*home, copy));
                }
            }
        }
        if let Some((home, product)) = newest
            && !show(home, product)
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::{DateTime, RawDocumentBuf, doc};

    use super::*;

    fn copy(number: u8, name: &str, at: i64) -> RawDocumentBuf {
        let id = ObjectId::from_bytes([number; 12]);
        RawDocumentBuf::try_from(&doc! { "_id": id, "name": name, "updated_at": DateTime::from_millis(at) }).unwrap()
    }

    #[test]
    fn of_two_copies_the_newest_is_shown_in_its_place() {
        let first = [copy(1, "a", 1), copy(3, "old", 5), copy(9, "z", 1)];
        let second = [copy(2, "b", 1), copy(3, "new", 6)];
        let parts = [
            Part { home: 0, documents: first.iter().map(AsRef::as_ref).collect() },
            Part { home: 1, documents: second.iter().map(AsRef::as_ref).collect() },
        ];
        let mut seen = Vec::new();
        merge(&parts, |home, product| {
            seen.push((home, product.name));
            true
        });
        assert_eq!(seen, [(0, "a"), (1, "b"), (1, "new"), (0, "z")]);
        let mut count = 0;
        merge(&parts, |_, _| {
            count += 1;
            count < 2
        });
        assert_eq!(count, 2);
    }
}
