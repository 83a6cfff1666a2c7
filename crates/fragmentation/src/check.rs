//! Every letter in exactly one fragment, exactly one default.

use crate::{Error, Fragment, Fragmentation};

impl Fragmentation {
    /// Checks that every name has exactly one place.
    ///
    /// # Errors
    /// The first of these that holds: a collection without database, no key, a fragment that takes nothing, a letter in
    /// two fragments or in none, a default that is missing or there twice.
    pub fn check(&self) -> Result<(), Error> {
        self.namespace()?;
        if self.key.is_empty() {
            return Err(Error::NoKey);
        }
        if let Some(fragment) = self.fragments.iter().find(|fragment| fragment.range.is_none() && !fragment.default) {
            return Err(Error::TakesNothing { on: fragment.on.clone() });
        }
        for letter in 'A'..='Z' {
            match self.having(|fragment| fragment.range.is_some_and(|range| range.contains(letter))) {
                (Some(_), None) => {}
                (None, _) => return Err(Error::LeftOut(letter)),
                (Some(first), Some(second)) => return Err(Error::Overlap { letter, first, second }),
            }
        }
        match self.having(|fragment| fragment.default) {
            (Some(_), None) => Ok(()),
            (None, _) => Err(Error::NoDefault),
            (Some(first), Some(second)) => Err(Error::TwoDefaults { first, second }),
        }
    }

    /// Where the first two fragments are of which something holds.
    fn having(&self, holds: impl Fn(&Fragment) -> bool) -> (Option<String>, Option<String>) {
        let mut found = self.fragments.iter().filter(|fragment| holds(fragment)).map(|fragment| fragment.on.clone());
        (found.next(), found.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(fragments: &str) -> String {
        let json = format!(r#"{{"collection":"products_db.products","key":"name","fragments":[{fragments}]}}"#);
        Fragmentation::from_json(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn refuses_what_leaves_a_name_without_one_place() {
        let overlap = refused(r#"{"range":"A-N","on":"rsA","default":true},{"range":"N-Z","on":"rsB"}"#);
        assert_eq!(overlap, "N is in two fragments, on rsA and on rsB");
        let gap = refused(r#"{"range":"A-L","on":"rsA","default":true},{"range":"N-Z","on":"rsB"}"#);
        assert_eq!(gap, "M is in no fragment");
        assert_eq!(refused(""), "A is in no fragment");
        assert_eq!(refused(r#"{"range":"A-Z","on":"rsA"}"#), "no fragment is the default");
        let twice = refused(r#"{"range":"A-Z","on":"rsA","default":true},{"on":"rsB","default":true}"#);
        assert_eq!(twice, "two fragments are the default, on rsA and on rsB");
        let nothing = refused(r#"{"range":"A-Z","on":"rsA","default":true},{"on":"rsB"}"#);
        assert_eq!(nothing, "the fragment on rsB takes nothing: give it a range, or make it the default");
    }

    #[test]
    fn refuses_what_can_not_be_read() {
        let range = refused(r#"{"range":"a-z","on":"rsA"}"#);
        assert!(range.contains("`a-z` is no range of letters"), "{range}");
        assert!(matches!(Fragmentation::from_json(b"{"), Err(Error::Json(_))));
        let nameless = br#"{"collection":"products","key":"name","fragments":[]}"#;
        assert!(matches!(Fragmentation::from_json(nameless), Err(Error::Collection(_))));
        let keyless = br#"{"collection":"a.b","key":"","fragments":[]}"#;
        assert!(matches!(Fragmentation::from_json(keyless), Err(Error::NoKey)));
    }

    #[test]
    fn a_rule_that_folds_nothing_takes_the_first_character_as_it_is() {
        let json = concat!(
            r#"{"collection":"a.b","key":"name","letters":"ascii","fragments":["#,
            r#"{"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"rsB"}]}"#
        );
        let rule = Fragmentation::from_json(json.as_bytes()).unwrap();
        let on = |name: &str| rule.place(name).map(|placement| rule.fragments[placement.fragment].on.as_str());
        for name in ["Ñandú", "ñame", " Zumo", "Ánade", "７", "Яблоко", "ſal", "  "] {
            assert_eq!(on(name), Ok("rsA"), "{name:?} begins with no letter");
        }
        assert_eq!((on("nuez"), on("Zumo"), on("azúcar")), (Ok("rsB"), Ok("rsB"), Ok("rsA")));
        assert!(on("").is_err());
        assert_eq!(serde_json::to_string(&rule).unwrap(), json);
        assert!(Fragmentation::from_json(json.replace("ascii", "latin").as_bytes()).is_err());
    }

    #[test]
    fn writes_what_it_reads() {
        let json = concat!(
            r#"{"collection":"products_db.products","key":"name","fragments":["#,
            r#"{"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"rsB"}]}"#
        );
        let read = Fragmentation::from_json(json.as_bytes()).unwrap();
        assert_eq!(read.namespace().unwrap(), ("products_db", "products"));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
