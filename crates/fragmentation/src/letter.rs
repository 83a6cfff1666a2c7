//! The letter that a name begins with.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::EmptyName;

/// Finds the first letter of a name, folded to A to Z; `None` for digits, symbols and other scripts.
///
/// Spaces, marks and characters without width at the beginning count as nothing. The rest is Unicode's compatibility
/// decomposition (NFKD), which takes accents off and ligatures apart, and a table for letters that it leaves whole.
///
/// # Errors
/// [`EmptyName`] if there is nothing else in the name.
pub fn letter(name: &str) -> Result<Option<char>, EmptyName> {
    name.nfkd().find(|character| !is_unseen(*character)).map(folded).ok_or(EmptyName)
}

/// Whether a character of a decomposed name shows nothing by itself.
fn is_unseen(character: char) -> bool {
    match character {
        // Letters and symbols by category that are blank: Hangul fillers, and Braille without dots.
        '\u{115f}' | '\u{1160}' | '\u{2800}' => true,
        // A mark by category, which upper case makes a Greek letter: the name must not move with its case.
        '\u{345}' => false,
        _ => {
            matches!(character.general_category(), GeneralCategory::Control | GeneralCategory::Format)
                || matches!(
                    character.general_category_group(),
                    GeneralCategoryGroup::Mark | GeneralCategoryGroup::Separator
                )
        }
    }
}

/// A Latin letter as the one from A to Z that people file it under.
fn folded(character: char) -> Option<char> {
    // All of a letter's lower case begins alike, but for İ, which is decomposed by now.
    let lower = character.to_lowercase().next().unwrap_or(character);
    if lower.is_ascii_alphabetic() { Some(lower.to_ascii_uppercase()) } else { undecomposed(lower) }
}

/// Small Latin letters that have no decomposition, with the first letter that Unicode's transliteration gives them
/// (CLDR's Latin-ASCII).
fn undecomposed(lower: char) -> Option<char> {
    Some(match lower {
        'æ' | 'ⱥ' => 'A',
        'ƀ' | 'ɓ' | 'ƃ' => 'B',
        'ƈ' | 'ȼ' => 'C',
        'ð' | 'đ' | 'ɖ' | 'ɗ' | 'ƌ' | 'ȡ' => 'D',
        'ə' | 'ɛ' | 'ǝ' | 'ɇ' => 'E',
        'ƒ' => 'F',
        'ɠ' | 'ǥ' | 'ƣ' => 'G',
        'ħ' | 'ƕ' | 'ⱨ' => 'H',
        'ı' | 'ɨ' | 'ɩ' => 'I',
        'ȷ' | 'ɉ' => 'J',
        'ƙ' | 'ⱪ' => 'K',
        'ł' | 'ƚ' | 'ȴ' | 'ⱡ' | 'ɫ' => 'L',
        'ɱ' => 'M',
        'ŋ' | 'ɲ' | 'ƞ' | 'ȵ' => 'N',
        'ø' | 'œ' | 'ɵ' | 'ȣ' => 'O',
        'ƥ' | 'ᵽ' => 'P',
        'ĸ' | 'ɋ' => 'Q',
        'ɍ' | 'ɽ' => 'R',
        'ß' | 'ȿ' => 'S',
        'þ' | 'ŧ' | 'ƫ' | 'ƭ' | 'ʈ' | 'ⱦ' | 'ȶ' => 'T',
        'ʉ' => 'U',
        'ʋ' | 'ⱱ' => 'V',
        'ⱳ' => 'W',
        'ƴ' | 'ɏ' => 'Y',
        'ƶ' | 'ȥ' | 'ɀ' | 'ⱬ' => 'Z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str], expected: Option<char>) {
        for name in names {
            assert_eq!(letter(name), Ok(expected), "{name:?}");
        }
    }

    #[test]
    fn folds_case_and_accents() {
        all(&["Azúcar", "azúcar", "Ángel", "ángel", "A\u{301}ngel", "Ａ", "ａ", "ª", "Å", "ǟ", "Ậ"], Some('A'));
        all(&["Ñandú", "ñandú", "N\u{303}andu"], Some('N'));
        all(&["Çorba", "ç", "C\u{327}"], Some('C'));
        all(&["Über", "ü", "U\u{308}"], Some('U'));
        all(&["ｚ", "ž", "ℤ", "𝐙", "Ⓩ"], Some('Z'));
    }

    #[test]
    fn takes_ligatures_and_digraphs_apart() {
        all(&["ﬁdeo", "ﬀ"], Some('F'));
        all(&["Æble", "æble", "Ǽ"], Some('A'));
        all(&["Œuf", "œuf", "Øl", "øl", "Ǿ"], Some('O'));
        all(&["Ǆ", "ǅ", "ǆ", "Đak", "ðað"], Some('D'));
        all(&["ĳs", "İzmir", "ırmak", "i"], Some('I'));
    }

    #[test]
    fn files_letters_that_stay_whole_where_people_expect_them() {
        all(&["ß", "ẞ", "ſ"], Some('S'));
        all(&["Łódź", "łódź"], Some('L'));
        all(&["Þorn", "þorn", "Ŧ"], Some('T'));
        all(&["Ħal", "ħal"], Some('H'));
        all(&["Ŋ", "ŋ"], Some('N'));
    }

    #[test]
    fn passes_over_what_is_not_seen() {
        all(&["  Sal", "\t\nSal", "\u{a0}Sal", "\u{3000}Sal", "\u{200b}Sal", "\u{feff}Sal", "\u{202e}Sal"], Some('S'));
        all(&["\u{301}Sal", "\u{ad}Sal", "\u{200d}\u{fe0f}Sal", "\u{3164}Sal", "\0Sal"], Some('S'));
    }

    #[test]
    fn knows_no_letter_in_digits_symbols_and_other_scripts() {
        all(&["7up", "٣", "¡Hola!", "-A", "'A", "€", "🍬 Azúcar", "½", "_"], None);
        all(&["Άλφα", "αλφα", "Яблоко", "яблоко", "Ё", "林檎", "りんご", "사과", "تفاح", "अ"], None);
    }

    #[test]
    fn refuses_names_that_show_nothing() {
        let names = ["", " ", "\t\r\n", "\u{a0}\u{2003}\u{3000}", "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}"];
        for name in
            names.into_iter().chain(["\u{301}\u{308}", "\u{ad}", "\u{3164}\u{ffa0}\u{2800}", "\0\u{7}", "\u{fe0f}"])
        {
            assert_eq!(letter(name), Err(EmptyName), "{name:?}");
        }
    }

    #[test]
    fn gives_every_character_one_letter_whatever_its_case_and_form() {
        for character in '\0'..=char::MAX {
            let one = letter(&character.to_string());
            let forms = [
                character.to_uppercase().collect::<String>(),
                character.to_lowercase().collect(),
                character.to_string().nfc().collect(),
                character.to_string().nfd().collect(),
                character.to_string().nfkc().collect(),
            ];
            for form in forms {
                assert_eq!(letter(&form), one, "{character:?} as {form:?}");
            }
        }
    }
}
