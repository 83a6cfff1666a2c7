//! Which of several copies of a document stays.
//!
//! As web-server does it: of two copies the one with the newest `updated_at` is the document, one without that field is
//! older than any. Copies of the same content are one document twice. Where that does not decide, nothing is decided.

use protocol::Version;

use super::join::Copy;

/// What is to be done about copies of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// These go.
    Remove(Vec<Removal>),
    /// Nobody can tell which one is newer.
    Undecided,
}

/// A copy that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Where it is.
    pub on: String,
    /// Which one, and as it was seen.
    pub version: Version,
    /// Its identity, for people.
    pub shown: String,
    /// Whether it is kept in the quarantine: it differs from the one that stays.
    pub quarantine: bool,
}

/// Decides between copies of one document.
pub fn resolve(copies: &[Copy]) -> Resolution {
    let newest = copies.iter().map(|copy| copy.seen.updated_at).max().flatten();
    let fresh: Vec<&Copy> = copies.iter().filter(|copy| copy.seen.updated_at == newest).collect();
    let Some(first) = fresh.first() else { return Resolution::Remove(Vec::new()) };
    if fresh.iter().any(|copy| copy.seen.version != first.seen.version) {
        return Resolution::Undecided;
    }
    // Of equals the one that is where it belongs; if none is, one is left to be moved.
    let stays = fresh.iter().find(|copy| copy.seen.belongs.as_deref() == Some(&copy.on)).unwrap_or(first);
    let goes = copies.iter().filter(|copy| copy.on != stays.on).map(|copy| Removal {
        on: copy.on.clone(),
        version: copy.seen.version.clone(),
        shown: copy.seen.shown.clone(),
        quarantine: copy.seen.version != stays.seen.version,
    });
    Resolution::Remove(goes.collect())
}

#[cfg(test)]
mod tests {
    use protocol::Copied;

    use super::*;

    fn copy(on: &str, belongs: &str, content: &str, updated_at: Option<i64>) -> Copy {
        let version = Version { id: "1".into(), sha256: content.into() };
        let belongs = Some(belongs.into());
        Copy { on: on.into(), seen: Copied { version, shown: "1".into(), key: None, belongs, updated_at } }
    }

    fn goes(copies: &[Copy]) -> Vec<(String, bool)> {
        match resolve(copies) {
            Resolution::Remove(removals) => removals.into_iter().map(|one| (one.on, one.quarantine)).collect(),
            Resolution::Undecided => panic!("undecided"),
        }
    }

    #[test]
    fn of_equals_the_one_in_the_wrong_place_goes() {
        assert_eq!(goes(&[copy("a", "b", "x", Some(1)), copy("b", "b", "x", Some(1))]), [("a".into(), false)]);
        assert_eq!(goes(&[copy("a", "a", "x", None), copy("b", "a", "x", None)]), [("b".into(), false)]);
        // None is in the right place: one is left, to be moved.
        assert_eq!(goes(&[copy("a", "c", "x", Some(1)), copy("b", "c", "x", Some(1))]), [("b".into(), false)]);
    }

    #[test]
    fn the_older_one_goes_into_the_quarantine_wherever_it_is() {
        assert_eq!(goes(&[copy("a", "a", "old", Some(1)), copy("b", "b", "new", Some(2))]), [("a".into(), true)]);
        assert_eq!(goes(&[copy("a", "b", "new", Some(2)), copy("b", "b", "old", Some(1))]), [("b".into(), true)]);
        assert_eq!(goes(&[copy("a", "a", "new", Some(0)), copy("b", "b", "old", None)]), [("b".into(), true)]);
        let three = [copy("a", "a", "x", Some(2)), copy("b", "a", "x", Some(2)), copy("c", "c", "old", Some(1))];
        assert_eq!(goes(&three), [("b".into(), false), ("c".into(), true)]);
    }

    #[test]
    fn what_cant_be_told_is_left_alone() {
        assert_eq!(resolve(&[copy("a", "a", "x", Some(1)), copy("b", "b", "y", Some(1))]), Resolution::Undecided);
        assert_eq!(resolve(&[copy("a", "a", "x", None), copy("b", "b", "y", None)]), Resolution::Undecided);
    }
}
