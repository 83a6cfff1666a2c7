//! The product platform as a workload: products made through web-server, and read back through it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use hyper::{Method, StatusCode};
use protocol::{
    AppTarget, Call, Complete, Failure, FinalRead, Invoke, Outcome, ReadBackAppRequest, Record, WorkloadRequest,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{PATIENCE, Shared};
use crate::clock;
use crate::deadline::{Deadline, SOON};
use crate::http::{Answer, Http};
use crate::mongo::connect::Login;
use crate::runs;

/// How many products one page of the list has.
const PAGE: u32 = 5_000;

/// How many products are removed at once.
const REMOVALS: usize = 16;

/// How long web-server holds a request at most, and a little more: it waits out an election itself.
const HOLDING: Duration = Duration::from_secs(15);

/// How long web-server may take until it lets somebody in, in milliseconds.
const LOGIN_MS: u64 = 20_000;

/// Makes products until it is told to end.
pub async fn run(request: &WorkloadRequest, target: &AppTarget, shared: &Shared) -> Result<(), String> {
    let token = log_in(target, Deadline::after_ms(LOGIN_MS)).await.map_err(|failure| failure.to_string())?;
    shared.recorder.record(&Record::Begin(super::run::begin(request)));
    let clients = (0..request.clients).map(|number| {
        let (token, category) = (&token, &request.run);
        async move {
            let mut http = Http::to(&target.host);
            shared.repeat(async || create(&mut http, token, category, number, shared).await).await;
        }
    });
    join_all(clients).await;
    Ok(())
}

async fn create(http: &mut Http, token: &str, category: &str, client: u32, shared: &Shared) -> bool {
    let op = shared.number();
    shared.recorder.invoke(Invoke { op, client, when: clock::now(), call: Call::Insert }).await;
    let product = json!({ "name": name(op), "price": 1, "stock": op, "category": category });
    let sent = http.send(Method::POST, "/products", Some(token), Some(&product));
    let (outcome, code, error) = match timeout(PATIENCE.max(HOLDING), sent).await {
        Ok(Ok(answer)) => judge(&answer),
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

/// Names begin with every letter in turn, so that all fragments are written to.
fn name(op: u64) -> String {
    let letter = char::from(b'A' + u8::try_from(op % 26).unwrap_or(0));
    format!("{letter} drill {op}")
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

async fn log_in(target: &AppTarget, deadline: Deadline) -> Result<String, Failure> {
    let object = format!("web-server at {}", target.host);
    let login = Login::read(&target.credential)?;
    let body = json!({ "username": login.user, "password": login.password });
    loop {
        let mut http = Http::to(&target.host);
        let why = match timeout(HOLDING, http.send(Method::POST, "/auth/login", None, Some(&body))).await {
            Ok(Ok(answer)) if answer.status == StatusCode::OK => match answer.json()["token"].as_str() {
                Some(token) => return Ok(token.to_owned()),
                None => "it gives no token".to_owned(),
            },
            Ok(Ok(answer)) if answer.status == StatusCode::UNAUTHORIZED => {
                let cause = format!("does not let {} in: {}", login.user, answer.message());
                return Err(Failure::new(object, cause).with_hint("has the password been changed on its page?"));
            }
            Ok(Ok(answer)) => format!("{} {}", answer.status.as_u16(), answer.message()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it gives no answer".to_owned(),
        };
        if !deadline.pause(SOON).await {
            return Err(Failure::new(object, format!("nobody can log in: {why}")));
        }
    }
}

/// Reads all products of a run through web-server; removes them if asked.
pub async fn read_back(request: &ReadBackAppRequest) -> Result<FinalRead, Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let token = log_in(&request.target, deadline).await?;
    loop {
        match read_all(request, &token).await {
            Ok(read) => return Ok(read),
            Err(failure) if !deadline.pause(SOON).await => return Err(failure),
            Err(_) => {}
        }
    }
}

async fn read_all(request: &ReadBackAppRequest, token: &str) -> Result<FinalRead, Failure> {
    let mut http = Http::to(&request.target.host);
    let (mut numbers, mut ids, mut strange) = (Vec::new(), BTreeSet::new(), 0);
    let mut cursor = String::new();
    loop {
        let path = format!("/products?category={}&limit={PAGE}&cursor={cursor}", request.run);
        let page = ask(&mut http, Method::GET, &path, token).await?;
        if let Some(missing) = page["missing"].as_array().filter(|missing| !missing.is_empty()) {
            return Err(Failure::new("web-server", format!("does not reach {}", Value::from(missing.clone()))));
        }
        for product in page["products"].as_array().into_iter().flatten() {
            match product["stock"].as_u64() {
                Some(op) => numbers.push(op),
                None => strange += 1,
            }
            ids.extend(product["_id"].as_str().map(str::to_owned));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let (found, twice) = runs::of(numbers);
    if request.remove {
        remove(request, token, ids).await?;
    }
    let host = request.target.host.clone();
    Ok(FinalRead { when: clock::now(), host, found, twice, strange, ..FinalRead::default() })
}

async fn remove(request: &ReadBackAppRequest, token: &str, ids: BTreeSet<String>) -> Result<(), Failure> {
    let removals = futures_util::stream::iter(ids).map(|id| async move {
        let mut http = Http::to(&request.target.host);
        ask(&mut http, Method::DELETE, &format!("/products/{id}"), token).await.map(drop)
    });
    let ended: Vec<Result<(), Failure>> = removals.buffer_unordered(REMOVALS).collect().await;
    ended.into_iter().collect()
}

async fn ask(http: &mut Http, method: Method, path: &str, token: &str) -> Result<Value, Failure> {
    let object = || format!("{method} {path} of web-server");
    match timeout(HOLDING, http.send(method.clone(), path, Some(token), None)).await {
        // What somebody else has removed is gone.
        Ok(Ok(answer)) if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND => Ok(answer.json()),
        Ok(Ok(answer)) => {
            Err(Failure::new(object(), format!("answers {} {}", answer.status.as_u16(), answer.message())))
        }
        Ok(Err(error)) => Err(Failure::new(object(), error.to_string())),
        Err(_) => Err(Failure::new(object(), "gives no answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_every_letter() {
        let letters: BTreeSet<char> = (0..26).filter_map(|op| name(op).chars().next()).collect();
        assert_eq!(letters.len(), 26);
        assert_eq!(name(27), "B drill 27");
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
