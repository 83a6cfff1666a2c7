use super::*;

/// A plan of which one step fails, as events with the milliseconds at which they happen.
pub(in crate::ui) fn story() -> Vec<(u64, Event)> {
    let lane = || "db1".to_string();
    let create = || "create container db1".to_string();
    let start = || "start container db1".to_string();
    let wait = || "wait until db1 is up as 10.10.10.12".to_string();
    vec![
        (0, Event::Started { steps: 12 }),
        (
            10,
            Event::StepStarted {
                step: 1,
                lane: lane(),
                text: create(),
            },
        ),
        (
            320,
            Event::StepDone {
                step: 1,
                lane: lane(),
                text: create(),
                took: Duration::from_millis(310),
            },
        ),
        (
            330,
            Event::StepStarted {
                step: 2,
                lane: lane(),
                text: start(),
            },
        ),
        (
            400,
            Event::StepProgress {
                step: 2,
                lane: lane(),
                text: "mounting".to_string(),
            },
        ),
        (
            3180,
            Event::StepDone {
                step: 2,
                lane: lane(),
                text: start(),
                took: Duration::from_millis(2850),
            },
        ),
        (3200, Event::Note("the daemon was busy: tried again".to_string())),
        (
            3300,
            Event::StepStarted {
                step: 3,
                lane: lane(),
                text: wait(),
            },
        ),
        (
            125_000,
            Event::StepFailed {
                step: 3,
                lane: lane(),
                text: wait(),
                error: "no address on eth0".to_string(),
            },
        ),
        (
            125_001,
            Event::Finished {
                done: 2,
                failed: 1,
                left: 9,
                took: Duration::from_millis(125_001),
            },
        ),
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
