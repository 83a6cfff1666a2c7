//! The terminal while it is not in its usual mode: keys as they are pressed, a picture that is drawn over itself.
//!
//! Whatever way a command ends, the terminal must be as it was: guards restore it when they are dropped, a panic
//! restores it before its message is printed, and [`RawMode::restore`] is for the one who ends the process.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue, terminal};
use futures_util::StreamExt;

use super::hidden::Hidden;

static IS_RAW: AtomicBool = AtomicBool::new(false);
static IS_LIVE: AtomicBool = AtomicBool::new(false);
static PANIC_HOOK: Once = Once::new();

/// The terminal hands over keys as they are pressed, Ctrl-C included, until this is dropped.
#[derive(Debug)]
pub struct RawMode(());

impl RawMode {
    pub(super) fn enter() -> anyhow::Result<Self> {
        PANIC_HOOK.call_once(restore_in_panics);
        enable_raw_mode().context("the terminal can't be set to hand over keys")?;
        IS_RAW.store(true, Ordering::SeqCst);
        Ok(Self(()))
    }

    /// Gives the terminal back, if it isn't in its usual mode. Safe to call at any time, from any thread.
    pub fn restore() {
        if IS_LIVE.swap(false, Ordering::SeqCst) {
            execute!(io::stdout(), cursor::Show, LeaveAlternateScreen).ok();
        }
        if IS_RAW.swap(false, Ordering::SeqCst) {
            disable_raw_mode().ok();
        }
        Hidden::restore();
    }

    /// How large the terminal is, in columns and rows.
    pub fn size() -> (u16, u16) {
        terminal::size().unwrap_or((80, 24))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        Self::restore();
    }
}

/// Makes panics restore the terminal first: their message would be lost with the other screen.
fn restore_in_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        RawMode::restore();
        usual(panic);
    }));
}

/// A picture on the terminal's other screen, until this is dropped.
#[derive(Debug)]
pub struct Live {
    _raw: RawMode,
}

impl Live {
    pub(super) fn enter() -> anyhow::Result<Self> {
        // A note may fill its line to the last column and leave the cursor there, which the terminal forgets when it
        // changes its screens. A space brings it to the next line then, and changes nothing otherwise.
        write!(io::stdout(), " \r").and_then(|()| io::stdout().flush()).context("the terminal can't be drawn on")?;
        let raw = RawMode::enter()?;
        IS_LIVE.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide).context("the terminal has no other screen")?;
        Ok(Self { _raw: raw })
    }

    /// Draws a text over what was there; what is too high for the terminal is cut off.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn draw(&self, text: &str) -> anyhow::Result<()> {
        let rows = usize::from(RawMode::size().1.max(1));
        let mut out = io::stdout().lock();
        draw(&mut out, text, rows).context("the terminal can't be drawn on")
    }
}

/// Each line is cleared behind its text, and never the whole screen: that would flicker.
fn draw(out: &mut impl Write, text: &str, rows: usize) -> io::Result<()> {
    queue!(out, cursor::MoveTo(0, 0))?;
    for (row, line) in text.lines().take(rows).enumerate() {
        if row > 0 {
            write!(out, "\r\n")?;
        }
        write!(out, "{line}")?;
        queue!(out, Clear(ClearType::UntilNewLine))?;
    }
    queue!(out, Clear(ClearType::FromCursorDown))?;
    out.flush()
}

/// What a person does while a picture is shown.
#[derive(Debug, Default)]
pub struct Keys(EventStream);

impl Keys {
    /// Waits for something that changes the picture: `true` for a key that ends it (q, Esc, Ctrl-C), `false` for
    /// another size of the terminal.
    pub async fn ends(&mut self) -> bool {
        loop {
            match self.0.next().await {
                Some(Ok(Event::Resize(..))) => return false,
                Some(Ok(Event::Key(key))) if is_end(&key) => return true,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return true,
            }
        }
    }
}

fn is_end(key: &KeyEvent) -> bool {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let is_end = match key.code {
        KeyCode::Char('c' | 'd') => with_control,
        KeyCode::Char('q') | KeyCode::Esc => true,
        _ => false,
    };
    is_end && key.kind != KeyEventKind::Release
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_never_has_more_lines_than_the_terminal() {
        let mut out = Vec::new();
        draw(&mut out, "one\ntwo\nthree", 2).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("one") && text.contains("\r\ntwo") && !text.contains("three"), "{text:?}");
        assert!(!text.ends_with('\n'), "a last line break would scroll: {text:?}");
    }

    #[test]
    fn q_escape_and_ctrl_c_end_a_picture() {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        assert!(is_end(&plain(KeyCode::Char('q'))) && is_end(&plain(KeyCode::Esc)));
        assert!(is_end(&KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(!is_end(&plain(KeyCode::Char('c'))) && !is_end(&plain(KeyCode::Enter)));
    }
}
