//! From one configuration of a set to the next, and handing over on demand.

use protocol::{ReconfigureRequest, Request, SetConfig, StepDownRequest};

use crate::call::{done, failed};
use crate::fixture::{Auth, Bench, PATIENCE};

fn to(bench: &Bench, config: SetConfig) -> Request {
    Request::ReconfigureReplicaSet(ReconfigureRequest { set: bench.address(), config, timeout_ms: PATIENCE })
}

fn current(bench: &Bench) -> SetConfig {
    bench.look(bench.primary().unwrap(), "agent").unwrap().config.unwrap()
}

#[test]
fn settings_members_and_votes() {
    let mut bench = Bench::healthy(Auth::Keyfile);
    let first = current(&bench);

    let mut wanted = first.clone();
    wanted.settings.election_timeout_millis = 5_000;
    wanted.members[2].priority = 0.5;
    wanted.settings.other.clear();
    done(to(&bench, wanted.clone()));
    let second = current(&bench);
    assert!(second.version > first.version);
    assert_eq!((second.settings.election_timeout_millis, second.members[2].priority), (5_000, 0.5));
    assert_eq!(second.settings.other, first.settings.other, "the set's own id is kept");

    done(to(&bench, wanted));
    assert_eq!(current(&bench).version, second.version, "what is so already is not sent");

    bench.start(&["--replSet", "rsA"], "keyfile");
    bench.await_members();
    let mut wanted = second.clone();
    let fourth = bench.config().members[3].clone();
    wanted.members.push(protocol::SetMember { votes: 0, priority: 0.0, ..fourth.clone() });
    done(to(&bench, wanted.clone()));
    bench.await_healthy();
    wanted.members[3] = fourth;
    done(to(&bench, wanted.clone()));
    assert_eq!(current(&bench).members, wanted.members);

    let before = current(&bench);
    let two = SetConfig { members: wanted.members[..2].to_vec(), ..wanted };
    let failure = failed(to(&bench, two));
    assert!(failure.cause.contains("only one member may gain or lose its vote"), "{failure}");
    assert_eq!(current(&bench), before);
}

#[test]
fn a_primary_steps_down_once() {
    let bench = Bench::healthy(Auth::Keyfile);
    let first = bench.primary().unwrap();
    let host = bench.members[first].host.clone();
    let request = Request::StepDown(StepDownRequest { set: bench.address(), host, timeout_ms: PATIENCE });
    assert_eq!(done(request.clone()).len(), 1);
    let second = bench.primary().unwrap();
    assert_ne!(first, second);
    assert!(done(request).is_empty(), "one that is not primary is left alone");
    assert_eq!(bench.primary(), Some(second));
}
