//! The product platform as a workload: products made through web-server, and read back through it.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::{Method, StatusCode};
use protocol::{
    AppTarget, Call, Complete, Failure, FinalRead, Foreign, Invoke, Outcome, ReadBackAppRequest, Record,
    WorkloadRequest,
};
use serde_json::json;
use tokio::time::timeout;

use super::Places;
use super::client::{PATIENCE, Shared};
use crate::clock;
use crate::deadline::{Deadline, SOON};
use crate::http::{Answer, Http};
use crate::made::{self, Made, Occasion, identity};
use crate::runs;

/// How long web-server holds a request at most, and a little more: it waits out an election itself.
const HOLDING: Duration = Duration::from_secs(15);

/// How long web-server may take until it lets somebody in, in milliseconds.
const LOGIN_MS: u64 = 20_000;

/// What all clients of a run share besides the history.
struct Making<'m> {
    token: &'m str,
    category: &'m str,
    occasion: &'m Occasion,
    made: &'m Made,
}

/// Makes products until it is told to end.
pub async fn run(request: &WorkloadRequest, target: &AppTarget, shared: &Shared) -> Result<(), String> {
    let visitor = made::log_in(target, Deadline::after_ms(LOGIN_MS)).await.map_err(|failure| failure.to_string())?;
    let places = Places::of(&request.run).map_err(|failure| failure.to_string())?;
    let occasion = Occasion::new(target.clone(), &request.run, format!("category={}", request.run));
    let made = Made::begin(&places.made, &occasion)
        .map_err(|error| format!("what it makes can't be written down: {error}"))?;
    let making = Making { token: &visitor.token, category: &request.run, occasion: &occasion, made: &made };
    shared.recorder.record(&Record::Begin(super::run::begin(request)));
    let clients = (0..request.clients).map(|number| {
        let making = &making;
        async move {
            let mut http = Http::to(&target.host);
            shared.repeat(async || create(&mut http, making, number, shared).await).await;
        }
    });
    join_all(clients).await;
    Ok(())
}

async fn create(http: &mut Http, making: &Making<'_>, client: u32, shared: &Shared) -> bool {
    let op = shared.number();
    shared.recorder.invoke(Invoke { op, client, when: clock::now(), call: Call::Insert }).await;
    let product = json!({ "name": name(op, making.occasion), "price": 1, "stock": op, "category": making.category });
    let sent = http.send(Method::POST, "/products", Some(making.token), Some(&product));
    let (outcome, code, error) = match timeout(PATIENCE.max(HOLDING), sent).await {
        Ok(Ok(answer)) => {
            if answer.status == StatusCode::CREATED {
                identity(&answer.json()["product"]).into_iter().for_each(|id| making.made.add(id));
            }
            judge(&answer)
        }
        Ok(Err(error)) if error.is_refused() => (Outcome::Fail, None, Some(error.to_string())),
        Ok(Err(error)) => (Outcome::Unknown, None, Some(error.to_string())),
        Err(_) => {
            http.forget();
            (Outcome::Unknown, None, Some(format!("no answer within {} s", HOLDING.as_secs())))
        }
    };
    let when = clock::now();
    let complete = Complete { op, when, outcome, value: None, node: None, term: None, error, code };
    shared.recorder.complete(complete, true);
    outcome == Outcome::Ok
}

/// Names begin with every letter in turn, so that all fragments are written to, and end with the mark of the run.
fn name(op: u64, occasion: &Occasion) -> String {
    let letter = char::from(b'A' + u8::try_from(op % 26).unwrap_or(0));
    format!("{letter} drill {op} {}", occasion.mark)
}

/// The number of the operation that made a product, from its name without the mark.
pub fn number(name: &str) -> Option<u64> {
    name.rsplit_once(" drill ")?.1.parse().ok()
}

/// A refusal of the request did nothing; an answer that a database is away may follow a write that came through.
fn judge(answer: &Answer) -> (Outcome, Option<i32>, Option<String>) {
    let code = Some(i32::from(answer.status.as_u16()));
    match answer.status {
        StatusCode::CREATED => (Outcome::Ok, None, None),
        status if status.is_client_error() => (Outcome::Fail, code, Some(answer.message())),
        _ => (Outcome::Unknown, code, Some(answer.message())),
    }
}

/// Reads all products of a run through web-server. What others made is counted and left alone.
pub async fn read_back(request: &ReadBackAppRequest) -> Result<FinalRead, Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let places = Places::of(&request.run)?;
    let occasion = occasion(&places.made)?;
    let visitor = made::log_in(&request.target, deadline).await?;
    loop {
        match made::list(&visitor, &occasion).await {
            Ok(listed) => return Ok(judged(listed, &request.target.host)),
            Err(why) if !deadline.pause(SOON).await => return Err(Failure::new("web-server", why)),
            Err(_) => {}
        }
    }
}

/// What a run makes, as it was written down.
fn occasion(path: &Path) -> Result<Occasion, Failure> {
    let object = path.to_string_lossy();
    let read = Occasion::read(path).map_err(|error| Failure::new(&*object, format!("can't be read: {error}")))?;
    read.ok_or_else(|| Failure::new(object, "is not there, so nobody can tell which products the run made"))
}

fn judged(listed: made::Listed, host: &str) -> FinalRead {
    let numbers: Vec<u64> = listed.own.values().filter_map(|name| number(name)).collect();
    let strange = (listed.own.len() - numbers.len()) as u64;
    let (found, twice) = runs::of(numbers);
    let foreign = Foreign { count: listed.foreign, examples: listed.examples };
    FinalRead { when: clock::now(), host: host.to_owned(), found, twice, strange, foreign, ..FinalRead::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_begin_with_every_letter() {
        let credential = protocol::Credential { user: "admin".into(), password_file: "/p".into() };
        let target = AppTarget { host: "h:1".into(), credential };
        let occasion = Occasion::new(target.clone(), "a-run", "category=a-run".into());
        let letters: BTreeSet<char> = (0..26).filter_map(|op| name(op, &occasion).chars().next()).collect();
        assert_eq!(letters.len(), 26);
        let mine = name(27, &occasion);
        assert!(mine.starts_with("B drill 27 a-run "), "{mine}");
        assert_eq!(occasion.own(&mine).and_then(number), Some(27));
        // One of another run, of the same name even, is not this one's.
        let other = Occasion::new(target, "a-run", String::new());
        assert_eq!(occasion.own(&name(27, &other)), None);
        assert_eq!(occasion.own("B drill 27"), None);
    }

    #[test]
    fn an_answer_that_a_database_is_away_decides_nothing() {
        let of = |status: u16| {
            judge(&Answer { status: StatusCode::from_u16(status).unwrap(), body: "{\"message\":\"x\"}".into() }).0
        };
        assert_eq!(
            [201, 400, 429, 500, 503].map(of),
            [Outcome::Ok, Outcome::Fail, Outcome::Fail, Outcome::Unknown, Outcome::Unknown]
        );
    }
}
