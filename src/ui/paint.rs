//! Colours by meaning.

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It is as it should be: green.
    Good,
    /// It works, but not fully: yellow.
    Warning,
    /// It doesn't work: red.
    Bad,
    /// It matters less: dim.
    Faint,
    /// It matters more: bold.
    Strong,
}

/// Colours text, or leaves it alone where colour isn't wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(pub(super) bool);

impl Paint {
    /// Whether it colours at all.
    pub fn is_on(self) -> bool {
        self.0
    }

    /// Colours a text, each of its lines by itself.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if !self.0 || text.is_empty() {
            return text.to_string();
        }
        let code = match tone {
            Tone::Good => 32,
            Tone::Warning => 33,
            Tone::Bad => 31,
            Tone::Faint => 2,
            Tone::Strong => 1,
        };
        let lines: Vec<_> = text.split('\n').map(|line| format!("\x1b[{code}m{line}\x1b[0m")).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is_without_colour() {
        assert_eq!(Paint(false).tone(Tone::Bad, "down"), "down");
    }

    #[test]
    fn every_line_carries_its_own_colour() {
        assert_eq!(Paint(true).tone(Tone::Good, "a\nb"), "\x1b[32ma\x1b[0m\n\x1b[32mb\x1b[0m");
    }
}
