//! Standard error, written by a thread of its own: a terminal that is held (Ctrl-S) or a slow reader of a pipe must
//! not hold up the work, or a lease could run out meanwhile.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::progress::{Notice, Show};
use crate::engine::event::{Event, Reporter};

/// How often spinners turn.
const TICK: Duration = Duration::from_millis(100);

enum Message {
    Event(Instant, Event),
    Notice(Notice),
    /// Asks for an answer when all before it is written and nothing moves any more.
    Settle(Sender<()>),
}

/// The sending end: takes messages from any task and never waits.
#[derive(Debug, Clone)]
pub(super) struct Screen(Sender<Message>);

impl Screen {
    /// Starts the thread that writes. Fails where the system has no thread left.
    pub(super) fn open(show: Box<dyn Show>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().name("screen".to_string()).spawn(move || draw(&receiver, show))?;
        Ok(Self(sender))
    }

    pub(super) fn notice(&self, notice: Notice) {
        self.send(Message::Notice(notice));
    }

    /// Waits until everything is written and the live lines stand still.
    pub(super) fn settle(&self) {
        let (answer, settled) = mpsc::channel();
        self.send(Message::Settle(answer));
        // An error means that the thread is gone: nothing is left to wait for.
        settled.recv().ok();
    }

    fn send(&self, message: Message) {
        // The thread ends only after the last sender; if it panicked, there is nobody to tell.
        self.0.send(message).ok();
    }
}

impl Reporter for Screen {
    fn report(&self, event: Event) {
        self.send(Message::Event(Instant::now(), event));
    }
}

fn draw(messages: &Receiver<Message>, mut show: Box<dyn Show>) {
    let mut is_moving = false;
    loop {
        let next = if is_moving {
            messages.recv_timeout(TICK)
        } else {
            messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match next {
            Ok(Message::Event(at, event)) => show.event(at, event),
            Ok(Message::Notice(notice)) => show.notice(&notice),
            Ok(Message::Settle(answer)) => {
                show.settle();
                answer.send(()).ok();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return show.settle(),
        }
        is_moving = show.tick(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Seen {
        fn add(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_string());
        }
    }

    impl Show for Seen {
        fn event(&mut self, _at: Instant, event: Event) {
            if let Event::Note(text) = event {
                self.add(&text);
            }
        }
        fn notice(&mut self, notice: &Notice) {
            if let Notice::Note(text) = notice {
                self.add(text);
            }
        }
        fn tick(&mut self, _now: Instant) -> bool {
            false
        }
        fn settle(&mut self) {
            self.add("settled");
        }
    }

    #[test]
    fn settling_waits_for_all_that_was_sent_before_it_in_order() {
        let seen = Seen::default();
        let screen = Screen::open(Box::new(seen.clone())).unwrap();
        for number in 0..100 {
            screen.report(Event::Note(number.to_string()));
        }
        screen.notice(Notice::Note("last".to_string()));
        screen.settle();
        let seen = seen.0.lock().unwrap();
        assert_eq!(seen.len(), 102);
        assert_eq!(seen[100..], ["last", "settled"]);
        assert!(seen[..100].iter().enumerate().all(|(at, text)| *text == at.to_string()));
    }
}
