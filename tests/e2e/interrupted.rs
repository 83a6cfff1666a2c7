//! distctl ended at any step: the next run goes on, and no lease is in its way.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::harness::System;

/// Kills one run after the other until one gets through. Each is killed a few events further on, so that in the end
/// every step of a cold `up` was under way when its run died.
#[test]
fn killed_at_every_step() {
    let seed = std::env::var("SEED").map_or(20_260, |text| text.parse().unwrap());
    eprintln!("SEED={seed} repeats this");
    let mut random = StdRng::seed_from_u64(seed);
    let system = System::single("kill", 4);
    let mut kills = 0;
    loop {
        assert!(kills < 40, "it gets nowhere");
        let mut up = system.start(&["up"]);
        let mut events = random.random_range(2..9);
        let alive = up.said(|line| {
            assert!(!line.contains("is being changed by"), "the lease of the dead blocks: {line}");
            events -= i32::from(line.contains("\"step_"));
            events <= 0
        });
        if !alive {
            up.end().ended_with(0);
            break;
        }
        up.signal("KILL");
        assert_eq!(up.end().code, None, "it was too quick");
        kills += 1;
    }
    eprintln!("measured: a cold up came through after {kills} kills");
    assert!(kills >= 3, "hardly killed");
    system.plan(0);
    // The last one killed may have left its lease, which the next run that writes takes over and gives back.
    system.guest("db", "echo '# by hand' >> /etc/hosts");
    system.up();
    assert_eq!(system.lease(), None);
    assert_eq!(system.main().eval("client.admin.command('ping')['ok']"), 1.0);
}

/// The first signal lets the steps under way end, says what is unfinished, and gives the lease back.
#[test]
fn interrupted_cleanly() {
    let system = System::single("stop", 5);
    let mut interrupted = 0;
    for (signal, until) in [("INT", "create container"), ("TERM", "push"), ("INT", "wait for mongod")] {
        let mut up = system.start(&["up"]);
        if !up.said(|line| line.contains("step_started") && line.contains(until)) {
            // On a busy machine the run before came further than to where it was interrupted.
            up.end().ended_with(0);
            continue;
        }
        up.signal(signal);
        let ended = up.end().ended_with(130).says(&["interrupted", "were not done", "the same command goes on there"]);
        assert!(ended.took.as_secs() < 60, "{:?}", ended.took);
        assert_eq!(system.lease(), None, "after SIG{signal}");
        interrupted += 1;
    }
    assert!(interrupted >= 1, "no run was interrupted");
    system.up();
    system.plan(0);
}

/// Two signals end it at once; the lease of a dead process on this host is taken over.
#[test]
fn two_signals_end_it_at_once() {
    let system = System::single("two", 6);
    let mut up = system.start(&["up"]);
    assert!(up.said(|line| line.contains("step_started") && line.contains("push")), "nothing was pushed");
    up.signal("INT");
    assert!(up.said(|line| line.contains("press again")), "it does not say what a second signal does");
    up.signal("INT");
    up.end().ended_with(130);
    system.up();
    system.plan(0);
}
