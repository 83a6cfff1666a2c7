//! What holds of every name and every fragmentation.

#![allow(clippy::unwrap_used)]

use distctl_fragmentation::{EmptyName, Fragment, Fragmentation, Letters, Range, Route, letter};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// Fragmentations of A to Z into one to six parts, one of them the default.
fn fragmentations() -> impl Strategy<Value = Fragmentation> {
    (proptest::collection::btree_set(proptest::char::range('B', 'Z'), 0..6), any::<proptest::sample::Index>()).prop_map(
        |(cuts, default)| {
            let mut firsts = vec!['A'];
            firsts.extend(cuts);
            let mut fragments: Vec<Fragment> = firsts
                .iter()
                .enumerate()
                .map(|(at, first)| {
                    let last = firsts.get(at + 1).map_or('Z', |next| char::from(u8::try_from(*next).unwrap() - 1));
                    Fragment { range: Range::new(*first, last), on: format!("rs{first}"), default: false }
                })
                .collect();
            let default = default.index(fragments.len());
            fragments[default].default = true;
            Fragmentation { collection: "shop.things".into(), key: "name".into(), letters: Letters::Folded, fragments }
        },
    )
}

/// Names of all kinds: anything, and what is near the rule's edges.
fn names() -> impl Strategy<Value = String> {
    let edges = r"[ \t\u{200b}\u{feff}\u{301}\u{345}]{0,3}[A-Za-zÁÉÍÓÚÑÇÆØŁßẞıİﬁＡａ0-9!¿αЖ林🍬]?\PC{0,8}";
    prop_oneof![any::<String>(), edges.prop_map(String::from), "[A-Za-zÀ-ỹ][a-zà-ỹ ]{0,12}"]
}

/// Which database takes a name, whatever the order of the fragments.
fn home(fragmentation: &Fragmentation, name: &str) -> Result<(String, Route), EmptyName> {
    let placement = fragmentation.place(name)?;
    Ok((fragmentation.fragments[placement.fragment].on.clone(), placement.by))
}

proptest! {
    #[test]
    fn what_passes_the_check_survives_its_file(fragmentation in fragmentations()) {
        let json = serde_json::to_vec(&fragmentation).unwrap();
        prop_assert_eq!(Fragmentation::from_json(&json).unwrap(), fragmentation);
    }

    #[test]
    fn every_name_that_shows_something_has_a_place(fragmentation in fragmentations(), name in names(), shown in "[!-~]") {
        prop_assert_eq!(fragmentation.place(&name).is_ok(), letter(&name).is_ok());
        let longer = format!("{name}{shown}");
        prop_assert!(fragmentation.place(&longer).is_ok());
        if name.chars().all(char::is_whitespace) {
            prop_assert_eq!(fragmentation.place(&name), Err(EmptyName));
        }
    }

    #[test]
    fn no_name_is_in_two(fragmentation in fragmentations(), name in names()) {
        if let Ok(letter) = letter(&name) {
            let takes = |fragment: &Fragment| match letter {
                Some(letter) => fragment.range.is_some_and(|range| range.contains(letter)),
                None => fragment.default,
            };
            let takers: Vec<usize> = (0..fragmentation.fragments.len())
                .filter(|at| takes(&fragmentation.fragments[*at]))
                .collect();
            prop_assert_eq!(takers, vec![fragmentation.place(&name).unwrap().fragment]);
        }
    }

    #[test]
    fn case_and_form_do_not_move_a_name(fragmentation in fragmentations(), name in names()) {
        let place = fragmentation.place(&name);
        prop_assert_eq!(fragmentation.place(&name.to_uppercase()), place);
        prop_assert_eq!(fragmentation.place(&name.to_lowercase()), place);
        prop_assert_eq!(fragmentation.place(&name.nfc().collect::<String>()), place);
        prop_assert_eq!(fragmentation.place(&name.nfd().collect::<String>()), place);
        prop_assert_eq!(fragmentation.place(&name.nfkc().collect::<String>()), place);
    }

    #[test]
    fn accents_and_spaces_do_not_move_a_name(
        fragmentation in fragmentations(),
        first in "[A-Za-zÑñÇç0-9]",
        accents in "[\u{300}-\u{344}]{0,4}",
        space in "[ \t\u{a0}\u{200b}]{0,3}",
        rest in "\\PC{0,8}",
    ) {
        let plain = fragmentation.place(&first);
        prop_assert!(plain.is_ok());
        prop_assert_eq!(fragmentation.place(&format!("{space}{first}{accents}{rest}")), plain);
    }

    #[test]
    fn the_order_of_the_fragments_does_not_matter(
        (fragmentation, shuffled) in fragmentations().prop_flat_map(|fragmentation| {
            let shuffled = Just(fragmentation.fragments.clone()).prop_shuffle();
            (Just(fragmentation), shuffled)
        }),
        name in names(),
    ) {
        let other = Fragmentation { fragments: shuffled, ..fragmentation.clone() };
        prop_assert_eq!(home(&other, &name), home(&fragmentation, &name));
    }
}
