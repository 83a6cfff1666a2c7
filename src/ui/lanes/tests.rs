use indicatif::InMemoryTerm;

use super::super::progress::tests::{play, story};
use super::*;

/// A terminal in memory whose every change is drawn.
fn lanes(rows: u16, columns: u16) -> (InMemoryTerm, Lanes) {
    let terminal = InMemoryTerm::new(rows, columns);
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    (terminal, Lanes::new(target, Paint(false)))
}

fn begin_steps(lanes: &mut Lanes, at: Instant, count: usize) {
    for step in 1..=count {
        lanes.begin(at, step, &format!("db{step}"), format!("start container db{step}"));
    }
}

#[test]
fn a_running_lane_shows_its_step_and_the_total_stands_below() {
    let (terminal, mut lanes) = lanes(10, 60);
    let begin = Instant::now();
    for (at, event) in story().into_iter().take(5) {
        lanes.event(begin + Duration::from_millis(at), event);
    }
    assert!(lanes.tick(begin + Duration::from_millis(1310)));
    insta::assert_snapshot!(terminal.contents(), @r"
    ⠸ db1   1.3s  mounting
    1/12 steps  1.3s
    ");
}

#[test]
fn the_end_leaves_ordinary_lines_with_the_failure() {
    let (terminal, mut lanes) = lanes(10, 80);
    play(&mut lanes, Instant::now());
    assert!(!lanes.tick(Instant::now()));
    insta::assert_snapshot!(terminal.contents(), @r"
    the daemon was busy: tried again
    db1: wait until db1 is up as 10.10.10.12: no address on eth0
    ✗ db1  2m04s
    2 steps done, 1 failed, 9 not begun in 2m05s
    ");
}

#[test]
fn a_lane_without_a_step_under_way_keeps_a_check_mark_and_its_time() {
    let (terminal, mut lanes) = lanes(10, 60);
    let begin = Instant::now();
    for (at, event) in story().into_iter().take(3) {
        lanes.event(begin + Duration::from_millis(at), event);
    }
    lanes.tick(begin + Duration::from_secs(60));
    insta::assert_snapshot!(terminal.contents(), @r"
    ✓ db1   0.3s
    1/12 steps  60.0s
    ");
}

#[test]
fn a_narrow_terminal_cuts_lines_instead_of_wrapping_them() {
    for columns in [1, 5, 12, 24] {
        let (terminal, mut lanes) = lanes(10, columns);
        let begin = Instant::now();
        lanes.event(begin, Event::Started { steps: 3 });
        begin_steps(&mut lanes, begin, 3);
        lanes.tick(begin);
        assert_eq!(terminal.contents().lines().count(), 4, "{columns} columns:\n{}", terminal.contents());
    }
}

#[test]
fn in_a_crowd_only_lanes_at_work_have_a_line() {
    let (terminal, mut lanes) = lanes(60, 60);
    let begin = Instant::now();
    lanes.event(begin, Event::Started { steps: CROWD + 4 });
    begin_steps(&mut lanes, begin, CROWD + 4);
    for step in 3..=CROWD + 4 {
        lanes.end(begin, step, &format!("db{step}"), false);
    }
    lanes.tick(begin);
    let contents = terminal.contents();
    assert_eq!(contents.lines().count(), 3, "{contents}");
    assert!(contents.contains("db1 ") && contents.contains("db2 "));
}

#[test]
fn steps_side_by_side_in_one_lane_are_counted() {
    let (terminal, mut lanes) = lanes(10, 80);
    let begin = Instant::now();
    for step in 1..=3 {
        lanes.begin(begin, step, "db1", format!("wait for mongod {}", 27016 + step));
    }
    insta::assert_snapshot!(terminal.contents(), @"⠋ db1   0.0s  wait for mongod 27019 (and 2 more)");
}
