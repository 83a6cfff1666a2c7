//! Pages of a history that is made up, but as real ones are.

use protocol::{Call, FaultKind, Outcome, Phase, SeenState};

use super::super::make;
use super::*;
use crate::drill::history::story::{HOSTS, Story};
use crate::drill::mongod_log::{Event, EventKind, Logs};
use crate::drill::run::{Objectives, Planned, Run};

/// Four faults under writes each 10 ms; with `w: 1`, a partition loses what the old primary took alone.
fn drama(write_concern: &str) -> (Story, Logs) {
    let mut logs = Logs::new();
    let is_lossy = write_concern == "1";
    let mut op = 0;
    let mut story = Story::with(write_concern, "majority").primary(0, 1);
    story = story.sees(1, SeenState::Secondary, None).sees(2, SeenState::Secondary, None);
    let faults =
        [(FaultKind::Kill, 1_040), (FaultKind::Stop, 40), (FaultKind::Partition, 3_120), (FaultKind::Pause, 2_470)];
    let mut primary = 0;
    let mut lost = Vec::new();
    for (round, (kind, hurts_ms)) in (0_u32..).zip(faults) {
        story = busy(story, &mut op, 300);
        let next = (primary + 1) % 3;
        story = story.fault(round, kind, Phase::Injecting).fault(round, kind, Phase::Injected);
        if is_lossy && kind == FaultKind::Partition {
            let before = op + 1;
            story = busy(story, &mut op, 80);
            lost.extend(before..=op);
        }
        story = story.sees(primary, SeenState::Silent, None);
        for _ in 0..4 {
            op += 1;
            story = story.sent(op, Call::Insert).ends(op, Outcome::Unknown, None);
        }
        story = story.wait_ms(hurts_ms);
        elect(&mut logs, &story, next, i64::from(round) + 2);
        story = story.primary(next, i64::from(round) + 2).wait_ms(if kind == FaultKind::Stop { 3 } else { 480 });
        story = busy(story, &mut op, 250).fault(round, kind, Phase::Healing).fault(round, kind, Phase::Healed);
        story = story.sees(primary, SeenState::Other, None).wait_ms(30).sees(primary, SeenState::Secondary, None);
        story = busy(story, &mut op, 60).fault(round, kind, Phase::Healthy);
        primary = next;
    }
    story = busy(story, &mut op, 200).end();
    let found = match (lost.first(), lost.last()) {
        (Some(first), Some(last)) => vec![(1, first - 1), (last + 1, op)],
        _ => vec![(1, op)],
    };
    let story = story.finds(&found).hash(0, Some("a")).hash(1, Some("a")).hash(2, Some("a"));
    (if lost.is_empty() { story } else { story.rolls_back(2, &lost, None) }, logs)
}

/// What the log of a member that has just become primary says.
fn elect(logs: &mut Logs, story: &Story, member: usize, term: i64) {
    let events = [
        (12, EventKind::Candidate("no PRIMARY in election timeout period".to_owned())),
        (8, EventKind::Elected(Some(term))),
        (0, EventKind::TakesWrites),
    ];
    let log = logs.entry(HOSTS[member].to_owned()).or_default();
    log.events.extend(events.map(|(ago_ms, kind)| Event { wall_ms: story.wall_ms() - ago_ms, kind }));
}

fn busy(mut story: Story, op: &mut u64, count: u32) -> Story {
    for at in 0..count {
        *op += 1;
        story = story.client(at % 4).insert_ok(*op);
        // Some take longer than others.
        if (*op).is_multiple_of(7) {
            story = story.wait_ms(*op % 13);
        }
    }
    story
}

/// The report of such a history.
fn report(write_concern: &str) -> Report {
    let objectives = Objectives { max_write_gap_ms: Some(4_000), lost_writes: Some(0), ..Objectives::default() };
    let schedule =
        (0..4).map(|round| Planned { round, fault: FaultKind::Kill, target: "primary".to_owned(), hold_ms: 2_000 });
    let run = Run {
        name: "rsA-20261124-141500".to_owned(),
        topology: "products".to_owned(),
        object: "rsA".to_owned(),
        label: Some(format!("w:{write_concern}")),
        options: ["failover-test", "rsA", "--rounds", "4", "--seed", "17"].map(str::to_owned).to_vec(),
        seed: 17,
        distctl: "0.1.0".to_owned(),
        schedule: schedule.collect(),
        objectives,
        ..Run::default()
    };
    let (story, logs) = drama(write_concern);
    make(&run, &story.history(), &logs)
}

/// Keeps a page where a person can look at it.
fn keep(name: &str, text: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_page_needs_nothing_but_itself_and_shows_what_counts() {
    let (good, bad) = (report("majority"), report("1"));
    assert_eq!((good.verdict, bad.verdict), (Verdict::Pass, Verdict::Fail), "{:?}", good.checks);
    for (name, report) in [("pass.html", &good), ("fail.html", &bad)] {
        let text = page(report).unwrap();
        keep(name, &text);
        for word in ["http:", "https:", "src=", "<script", "@import", "url(http"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
        for word in [report.verdict.word(), "1 kill", "3,650 ms", "term 2", "10.0.0.2:27017", "max_write_gap"] {
            assert!(text.contains(word), "{name} lacks {word}");
        }
    }
    assert!(page(&bad).unwrap().contains("What was lost"));
    assert!(!page(&good).unwrap().contains("What was lost"));
}

#[test]
fn runs_are_compared_on_one_page() {
    let text = comparison_page(&[report("1"), report("majority")]).unwrap();
    keep("comparison.html", &text);
    assert!(text.contains("w:1 or w:majority?") && text.contains("lost writes"));
    assert_eq!(text.matches("<svg").count(), 2);
}

#[test]
fn what_a_run_holds_is_shown_and_never_obeyed() {
    let evil = "<script>alert('x')</script>\"&";
    let mut report = report("majority");
    report.run.object = evil.to_owned();
    report.run.options = vec![evil.to_owned()];
    report.checks[0].notes[0].text = evil.to_owned();
    report.timeline.lanes[0].host = evil.to_owned();
    report.faults[0].targets = vec![evil.to_owned()];
    report.faults[0].note = Some(evil.to_owned());
    for text in [page(&report).unwrap(), comparison_page(&[report]).unwrap()] {
        assert!(!text.contains("<script") && text.contains("&lt;script&gt;"));
    }
}

#[test]
fn an_empty_run_has_a_page_too() {
    let run = Run::default();
    let text = page(&make(&run, &crate::drill::history::History::default(), &Logs::new())).unwrap();
    assert!(text.contains("The workload never began") && text.contains("unknown"));
}

#[test]
fn a_page_of_a_long_run_stays_small() {
    let mut report = report("majority");
    let (row, lane) = (report.faults[0].clone(), report.timeline.lanes[0].clone());
    report.faults = (0..1_000).map(|round| FaultRow { round, ..row.clone() }).collect();
    let stays = |lane: &super::super::Lane| lane.stays.iter().cycle().take(400).cloned().collect();
    report.timeline.lanes =
        (0..7).map(|_| super::super::Lane { host: lane.host.clone(), stays: stays(&lane) }).collect();
    assert!(page(&report).unwrap().len() < 1_000_000);
}
