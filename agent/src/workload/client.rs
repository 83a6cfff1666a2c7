//! One client of a set: what it does, one operation after the other.

use std::cell::Cell;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::{ClientSession, Collection};
use protocol::{Call, Complete, Invoke, Outcome};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::nodes::{Answer, Nodes};
use super::outcome;
use super::recorder::Recorder;
use crate::clock;

/// How long a client waits for one operation; afterwards it may have happened or not.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// How long a client rests after an operation that was refused at once: nobody is served by asking faster.
const REST: Duration = Duration::from_millis(20);

/// How many registers there are.
pub const REGISTERS: u32 = 8;

/// What all clients of a workload share.
#[derive(Debug)]
pub struct Shared {
    pub recorder: Recorder,
    pub nodes: Nodes,
    pub stop: CancellationToken,
    pub next: Cell<u64>,
    pub retried: bool,
    /// The time from one operation of a client to its next; none where each follows the one before.
    pub pace: Option<Duration>,
}

/// One client.
#[derive(Debug)]
pub struct Client<'s> {
    pub number: u32,
    pub shared: &'s Shared,
    pub session: ClientSession,
}

/// What a set holds for a workload.
#[derive(Debug, Clone)]
pub struct Data {
    pub inserts: Collection<Document>,
    pub registers: Collection<Document>,
}

/// What an operation that was acknowledged told, or why it was not.
type Ended = Result<Told, (Outcome, Option<i32>, String)>;

#[derive(Debug, Default)]
struct Told {
    value: Option<i64>,
    /// A swap of a value that was no longer there: answered, and not done.
    refused: bool,
}

impl Shared {
    /// The number of the next operation.
    pub fn number(&self) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        number
    }

    /// Repeats something at the workload's pace until it is told to end. It says whether it came to something.
    pub async fn repeat(&self, mut once: impl AsyncFnMut() -> bool) {
        let mut ticks = self.pace.map(|pace| {
            let mut ticks = interval(pace);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        while !self.stop.is_cancelled() && self.recorder.works() {
            if let Some(ticks) = &mut ticks {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = self.stop.cancelled() => return,
                }
            }
            let begun = Instant::now();
            if !once().await && begun.elapsed() < REST {
                tokio::select! {
                    () = tokio::time::sleep(REST) => {}
                    () = self.stop.cancelled() => return,
                }
            }
        }
    }
}

impl Client<'_> {
    /// Inserts documents until it is told to end.
    pub async fn insert(mut self, data: &Data) {
        self.shared.repeat(async || self.insert_once(data).await).await;
    }

    /// Reads registers and sets them to the next value until it is told to end.
    pub async fn count(mut self, data: &Data) {
        self.shared.repeat(async || self.count_once(data).await).await;
    }

    async fn insert_once(&mut self, data: &Data) -> bool {
        let op = self.begin(Call::Insert).await;
        let document = doc! { "op": i64::try_from(op).unwrap_or(i64::MAX), "client": self.number };
        let inserted = data.inserts.insert_one(document).session(&mut self.session);
        let ended = self.shared.ended(timeout(PATIENCE, inserted.into_future()).await);
        self.end(op, true, ended.map(|_| Told::default()))
    }

    async fn count_once(&mut self, data: &Data) -> bool {
        let Some((register, value)) = self.read(data).await else { return false };
        let (from, to) = (value, value + 1);
        let op = self.begin(Call::Swap { register, from, to }).await;
        let swapped = data
            .registers
            .update_one(doc! { "_id": register, "v": from }, doc! { "$set": { "v": to } })
            .session(&mut self.session);
        let ended = self.shared.ended(timeout(PATIENCE, swapped.into_future()).await);
        self.end(op, true, ended.map(|answer| Told { value: None, refused: answer.matched_count == 0 }))
    }

    async fn read(&mut self, data: &Data) -> Option<(u32, i64)> {
        let register = rand::random_range(0..REGISTERS);
        let op = self.begin(Call::Read { register }).await;
        let found = data.registers.find_one(doc! { "_id": register }).session(&mut self.session);
        let ended = self.shared.ended(timeout(PATIENCE, found.into_future()).await);
        let told = ended.map(|found| found.and_then(|document| document.get_i64("v").ok()));
        let value = told.as_ref().ok().copied().flatten();
        self.end(op, false, told.map(|value| Told { value, refused: false }));
        Some((register, value?))
    }

    async fn begin(&self, call: Call) -> u64 {
        let op = self.shared.number();
        self.shared.recorder.invoke(Invoke { op, client: self.number, when: clock::now(), call }).await;
        op
    }

    fn end(&self, op: u64, is_write: bool, ended: Ended) -> bool {
        let when = clock::now();
        let Answer { node, term } = self.shared.nodes.take(self.number);
        let (outcome, code, error, value) = match ended {
            Ok(Told { refused: true, .. }) => (Outcome::Fail, None, Some("the value had changed".to_owned()), None),
            Ok(Told { value, .. }) => (Outcome::Ok, None, None, value),
            Err((outcome, code, error)) => (outcome, code, Some(error), None),
        };
        let came = outcome == Outcome::Ok;
        self.shared.recorder.complete(Complete { op, when, outcome, value, node, term, error, code }, is_write);
        came
    }
}

impl Shared {
    fn ended<T>(
        &self,
        ended: Result<Result<T, Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, (Outcome, Option<i32>, String)> {
        match ended {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(outcome::of(&error, self.retried)),
            Err(_) => Err((Outcome::Unknown, None, format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}
