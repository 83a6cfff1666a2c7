use super::super::json::Json;
use super::*;

const CREATE: &str = "create container db1";
const START: &str = "start container db1";
const WAIT: &str = "wait until db1 is up as 10.10.10.12";

fn started(step: usize, text: &str) -> Event {
    let (lane, text) = ("db1".to_string(), text.to_string());
    Event::StepStarted { step, lane, text }
}

fn news(step: usize, text: &str) -> Event {
    let (lane, text) = ("db1".to_string(), text.to_string());
    Event::StepProgress { step, lane, text }
}

fn done(step: usize, text: &str, millis: u64) -> Event {
    let (lane, text, took) = ("db1".to_string(), text.to_string(), Duration::from_millis(millis));
    Event::StepDone { step, lane, text, took }
}

fn failed(step: usize, text: &str, error: &str) -> Event {
    let (lane, text, error) = ("db1".to_string(), text.to_string(), error.to_string());
    Event::StepFailed { step, lane, text, error }
}

fn finished(done: usize, failed: usize, left: usize, millis: u64) -> Event {
    let took = Duration::from_millis(millis);
    Event::Finished { done, failed, left, took }
}

/// A plan of which one step fails, as events with the milliseconds at which they happen.
pub(in crate::ui) fn story() -> Vec<(u64, Event)> {
    vec![
        (0, Event::Started { steps: 12 }),
        (10, started(1, CREATE)),
        (320, done(1, CREATE, 310)),
        (330, started(2, START)),
        (400, news(2, "mounting")),
        (3180, done(2, START, 2850)),
        (3200, Event::Note("the daemon was busy: tried again".to_string())),
        (3300, started(3, WAIT)),
        (125_000, failed(3, WAIT, "no address on eth0")),
        (125_001, finished(2, 1, 9, 125_001)),
    ]
}

pub(in crate::ui) fn play(show: &mut impl Show, begin: Instant) {
    for (at, event) in story() {
        show.event(begin + Duration::from_millis(at), event);
    }
}

fn failure() -> Notice {
    Notice::Failure(Report::of(&anyhow::anyhow!("refused").context("can't reach Incus")))
}

fn written(out: &[u8]) -> &str {
    std::str::from_utf8(out).unwrap()
}

#[test]
fn plain_shows_a_line_for_each_finished_step() {
    let mut out = Vec::new();
    let mut plain = Plain::new(&mut out, Paint(false), false);
    play(&mut plain, Instant::now());
    plain.notice(&Notice::Warning("rsA has an even number of votes".to_string()));
    insta::assert_snapshot!(written(&out), @r"
    [  1/12  0.3s] db1: create container db1 (0.31s)
    [  2/12  3.2s] db1: start container db1 (2.85s)
    the daemon was busy: tried again
    [  2/12 2m05s] db1: failed: wait until db1 is up as 10.10.10.12: no address on eth0
    2 steps done, 1 failed, 9 not begun in 2m05s
    Warning: rsA has an even number of votes
    ");
}

#[test]
fn plain_shows_what_begins_when_asked_for_more() {
    let mut out = Vec::new();
    play(&mut Plain::new(&mut out, Paint(false), true), Instant::now());
    assert!(written(&out).contains("[  1/12  0.4s] db1: mounting ...\n"));
}

#[test]
fn json_shows_one_object_a_line() {
    let mut out = Vec::new();
    let mut json = Json(&mut out);
    play(&mut json, Instant::now());
    json.notice(&failure());
    insta::assert_snapshot!(written(&out), @r#"
    {"event":"started","steps":12}
    {"event":"step_started","step":1,"lane":"db1","text":"create container db1"}
    {"event":"step_done","step":1,"lane":"db1","text":"create container db1","took_ms":310}
    {"event":"step_started","step":2,"lane":"db1","text":"start container db1"}
    {"event":"step_progress","step":2,"lane":"db1","text":"mounting"}
    {"event":"step_done","step":2,"lane":"db1","text":"start container db1","took_ms":2850}
    {"event":"note","text":"the daemon was busy: tried again"}
    {"event":"step_started","step":3,"lane":"db1","text":"wait until db1 is up as 10.10.10.12"}
    {"event":"step_failed","step":3,"lane":"db1","text":"wait until db1 is up as 10.10.10.12","error":"no address on eth0"}
    {"event":"finished","done":2,"failed":1,"left":9,"took_ms":125001}
    {"event":"failure","error":"can't reach Incus","causes":["refused"]}
    "#);
}

#[test]
fn quiet_shows_failures_only() {
    let mut out = Vec::new();
    let mut quiet = Quiet::new(&mut out, Paint(false));
    play(&mut quiet, Instant::now());
    quiet.notice(&Notice::Note("hello".to_string()));
    quiet.notice(&failure());
    assert_eq!(written(&out), "Error: can't reach Incus\nCaused by: refused\n");
}

#[test]
fn durations_stay_short() {
    let shorts = [0, 99_900, 100_000, 5_999_000, 6_000_000].map(|ms| short(Duration::from_millis(ms)));
    assert_eq!(shorts, ["0.0s", "99.9s", "1m40s", "99m59s", "1h40m"]);
}
