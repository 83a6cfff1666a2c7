//! Looking for text as people type it: case and accents aside.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters with accents by the plain letter, from the blocks that Latin scripts use.
static ACCENTED: LazyLock<BTreeMap<char, String>> = LazyLock::new(|| {
    let mut accented: BTreeMap<char, String> = BTreeMap::new();
    for letter in ('\u{c0}'..='\u{24f}').chain('\u{1e00}'..='\u{1eff}') {
        if let Some(plain) = plain(letter).filter(|plain| *plain != letter) {
            accented.entry(plain.to_ascii_lowercase()).or_default().push(letter);
        }
    }
    accented
});

fn plain(letter: char) -> Option<char> {
    std::iter::once(letter).nfd().next().filter(char::is_ascii_alphabetic)
}

/// Makes a regular expression (PCRE, to be used without regard to case) that finds a text.
///
/// Each plain letter finds its accented forms, composed or not, and an accented one the plain. All else stands for itself.
pub fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() * 8);
    for letter in text.nfd().filter(|letter| !is_combining_mark(*letter)) {
        match ACCENTED.get(&letter.to_ascii_lowercase()) {
            Some(forms) => {
                pattern.extend(['[', letter]);
                pattern.push_str(forms);
                pattern.push(']');
            }
            None if letter.is_alphanumeric() || letter == ' ' => pattern.push(letter),
            None if letter.is_ascii() => pattern.extend(['\\', letter]),
            None => pattern.push(letter),
        }
        if letter.is_alphabetic() {
            pattern.push_str("\\p{M}*");
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_find_their_accented_forms() {
        let a = pattern("a");
        assert!(a.starts_with("[a") && a.ends_with("]\\p{M}*"), "{a}");
        assert!("áàâäãåÁÀ".chars().all(|form| a.contains(form)), "{a}");
        assert_eq!(pattern("á"), a);
        assert_eq!(pattern("a\u{301}"), a);
        assert!(pattern("n").contains('ñ'));
    }

    #[test]
    fn nothing_typed_is_a_command() {
        assert_eq!(pattern("1.*(|$"), "1\\.\\*\\(\\|\\$");
        assert_eq!(pattern("\\"), "\\\\");
        assert_eq!(pattern("[^]"), "\\[\\^\\]");
        assert_eq!(pattern("語 1"), "語\\p{M}* 1");
    }
}
