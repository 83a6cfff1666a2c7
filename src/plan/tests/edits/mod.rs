//! The property: after any edit of the file every document is there, or the edit was refused and nothing was touched.

mod spec;
mod world;

use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::desired::Desired;
use crate::desired::expand::{AgentFile, expand_in};
use crate::plan::{Options, diff};
use crate::topology::parse;
use spec::Spec;
use world::World;

/// How often `up` may look again.
const PASSES: usize = 12;

/// How one `up` ended.
#[derive(Debug, PartialEq)]
enum Ended {
    Done,
    Refused(String),
}

fn desired(spec: &Spec, world: &World) -> Option<Desired> {
    let topology = parse(&spec.text(), Path::new("topology.yaml")).ok()?;
    let agent = AgentFile { sha256: "0123456789abcdef".repeat(4), size: 1_000 };
    expand_in(&topology, Path::new("/nowhere"), &agent, &world.places(&topology)).ok()
}

/// `up`, killed after some steps if asked.
#[allow(clippy::print_stderr, reason = "only for whoever asks for one story")]
fn up(world: &mut World, desired: &Desired, mut steps: usize) -> Result<Ended, String> {
    for pass in 0..PASSES {
        let plan = diff(desired, &world.observe(desired), &Options::default());
        if !plan.refusals.is_empty() {
            let why: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
            return match pass {
                0 => Ok(Ended::Refused(why.join("; "))),
                _ => Err(format!("refused after {pass} passes: {}", why.join("; "))),
            };
        }
        if plan.steps.is_empty() {
            let amiss = plan.findings.iter().find(|finding| !finding.message.contains("not declared"));
            return amiss.map_or(Ok(Ended::Done), |finding| Err(format!("stays amiss: {finding}")));
        }
        if std::env::var_os("DISTCTL_EDITS_TELL").is_some() {
            eprintln!("pass {pass}, at most {steps} steps of\n{plan}");
        }
        world.carry_out(&plan, desired, steps)?;
        steps = steps.saturating_sub(plan.steps.len());
        if steps == 0 {
            return Ok(Ended::Done);
        }
    }
    Err(format!("does not settle:\n{}", diff(desired, &world.observe(desired), &Options::default())))
}

/// Whether all that was written is where the new file has it.
fn check(world: &mut World, before: &Desired, after: &Desired, document: &str) -> Result<(), String> {
    let all = world.everything();
    let names = |desired: &Desired| -> Vec<String> {
        desired.replica_sets.keys().chain(desired.standalones.keys()).cloned().collect()
    };
    for name in names(before) {
        let wanted = format!("{name}/{document}");
        if !all.contains(&wanted) {
            return Err(format!("{wanted} is on no disk any more"));
        }
        let set = after.replica_sets.get(&name).map(|set| set.hosts());
        let single = after.standalones.get(&name).map(|one| vec![one.mongod.host.clone()]);
        for host in set.or(single).unwrap_or_default() {
            let there = world.read(&host).ok_or_else(|| format!("{host} of {name} does not run"))?;
            if !there.contains(&wanted) {
                return Err(format!("{host} of {name} lacks {wanted}"));
            }
        }
    }
    Ok(())
}

/// One story: a system, an edit, perhaps a kill and a power cut in the middle.
fn story(seed: u64) -> Result<Option<(&'static str, bool)>, String> {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let (first, mut world) = (Spec::random(random), World::default());
    let Some(before) = desired(&first, &world) else { return Ok(None) };
    let told = |why: String| format!("seed {seed}, at first: {why}\n{}", first.text());
    match up(&mut world, &before, usize::MAX).map_err(told)? {
        Ended::Done => {}
        Ended::Refused(why) => return Err(told(why)),
    }
    world.write(&before, "document");
    let Some((what, second)) = first.edited(random) else { return Ok(None) };
    let Some(after) = desired(&second, &world) else { return Ok(None) };
    let told = |why: String| format!("seed {seed}, {what}: {why}\nfrom\n{}to\n{}", first.text(), second.text());
    let is_killed = random.random_bool(0.4);
    if is_killed {
        let steps = random.random_range(1..20);
        if up(&mut world, &after, steps).map_err(told)? == Ended::Done && random.random_bool(0.5) {
            world.reboot().map_err(told)?;
        }
    }
    // The same file again, or the one from before, since somebody has second thoughts.
    let (spec, goal) = if is_killed && random.random_bool(0.3) { (&first, "back") } else { (&second, what) };
    let Some(after) = desired(spec, &world) else { return Ok(None) };
    let ended = up(&mut world, &after, usize::MAX).map_err(told)?;
    match &ended {
        Ended::Done => check(&mut world, &before, &after, "document").map_err(told)?,
        Ended::Refused(_) if is_killed => check_kept(&world, &before).map_err(told)?,
        Ended::Refused(_) => check(&mut world, &before, &before, "document").map_err(told)?,
    }
    if !is_killed && ended == Ended::Done && random.random_bool(0.3) {
        let back = desired(&first, &world).ok_or("the first file is none any more")?;
        let told = |why: String| told(format!("and back: {why}"));
        return match up(&mut world, &back, usize::MAX).map_err(told)? {
            Ended::Done => {
                check(&mut world, &before, &back, "document").map_err(told).map(|()| Some(("and back", false)))
            }
            Ended::Refused(_) => check_kept(&world, &before).map_err(told).map(|()| Some(("and back", true))),
        };
    }
    Ok(Some((goal, ended != Ended::Done)))
}

fn check_kept(world: &World, before: &Desired) -> Result<(), String> {
    let all = world.everything();
    let names = before.replica_sets.keys().chain(before.standalones.keys());
    let lost: Vec<&String> = names.filter(|name| !all.contains(&format!("{name}/document"))).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?} are on no disk any more")) }
}

/// Tells one story, for whoever looks for the cause: `DISTCTL_EDITS_SEED=152 DISTCTL_EDITS_TELL=1`.
#[test]
fn one_story() {
    let seed = std::env::var("DISTCTL_EDITS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    story(seed).unwrap_or_else(|why| panic!("{why}"));
}

/// How many edits are tried; `DISTCTL_EDITS=10000` tries more of them.
fn count() -> u64 {
    std::env::var("DISTCTL_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

#[test]
fn no_edit_of_the_file_loses_sight_of_data() {
    let mut tried = std::collections::BTreeMap::<(&str, bool), u64>::new();
    let mut wrong = Vec::new();
    let mut seed = 0;
    while tried.values().sum::<u64>() < count() {
        seed += 1;
        match story(seed) {
            Ok(Some(story)) => *tried.entry(story).or_default() += 1,
            Ok(None) => {}
            Err(why) => {
                wrong.push(why);
                if wrong.len() >= 5 {
                    break;
                }
            }
        }
    }
    let shown = wrong.iter().map(String::as_str).collect::<Vec<_>>().join("\n---\n");
    assert!(wrong.is_empty(), "of {seed} stories: {shown}\n\n{tried:#?}");
    // Edits of each kind were done, not only refused.
    let done = tried.keys().filter(|(_, refused)| !refused).count();
    assert!(done >= 10, "{tried:#?}");
}
