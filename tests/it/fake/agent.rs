//! A scripted agent for all guests of a fake: it answers requests against what is on the guests' disks.
//!
//! Whatever it keeps are files of the instances, so a deleted container takes all of it along, and a restart empties
//! `/run`. A unit is enabled while it is linked below [`WANTS`]; what it was started with stands in [`STARTED`].

mod disk;
mod mongo;
mod service;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};

use distctl::desired::sha256_hex;
use protocol::{
    Failure, FragmentAsk, FragmentReply, FragmentRequest, Healed, Inspection, Line, Reply, Request, Routed,
    RoutedProduct, RoutingRequest, When,
};

use super::world::World;
use super::{ExecCall, ExecReply, Fake, Shared};
use disk::Disk;

/// Where systemd links enabled units to.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants/";
/// Where the fake keeps the revisions of running units.
const STARTED: &str = "/run/fake/started/";
/// Where the fake keeps which units have failed.
const FAILED: &str = "/run/fake/failed/";

/// Where a test leaves what a look through a fragment sees, by the name of its set.
pub const SCANS: &str = "/var/lib/fake/scans/";

/// Answers in the agent's place, or lets it go on with `None`.
type Hook = Arc<dyn Fn(&Shared, &str, &Request) -> Option<Failure> + Send + Sync>;

/// The agents of all guests of a fake.
#[derive(Clone, Default)]
pub struct Agents {
    asked: Arc<Mutex<Vec<(String, &'static str)>>>,
    hook: Arc<Mutex<Option<Hook>>>,
    cut: Arc<Mutex<Option<(&'static str, &'static str)>>>,
}

impl Agents {
    /// Puts agents behind the commands of a fake.
    pub fn of(fake: &Fake) -> Self {
        let agents = Self::default();
        let (answering, shared) = (agents.clone(), Arc::downgrade(&fake.shared));
        fake.on_exec(move |call| answering.answer(&shared, call));
        agents
    }

    /// Calls a function before each request is carried out. It may block, and it may fail the request.
    pub fn before(&self, hook: impl Fn(&Shared, &str, &Request) -> Option<Failure> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Arc::new(hook));
    }

    /// Holds the requests of a guest that fit until the second value is dropped; the first one tells when one came.
    pub fn gate(&self, instance: &'static str, fits: fn(&Request) -> bool) -> (Receiver<()>, Sender<()>) {
        let (came, reached) = channel();
        let (gate, closed) = channel();
        let (came, closed) = (Mutex::new(came), Mutex::new(closed));
        self.before(move |_, asked, request| {
            if asked == instance && fits(request) {
                let _ = came.lock().unwrap().send(());
                let _ = closed.lock().unwrap().recv();
            }
            None
        });
        (reached, gate)
    }

    /// Breaks the connection to the agent of an instance when it is asked for this next, after it has done it.
    pub fn cut_next(&self, instance: &'static str, verb: &'static str) {
        *self.cut.lock().unwrap() = Some((instance, verb));
    }

    /// Lists the instances and the verbs of all requests so far.
    pub fn asked(&self) -> Vec<(String, &'static str)> {
        self.asked.lock().unwrap().clone()
    }

    /// Forgets all requests so far.
    pub fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }

    /// Counts the requests that change something.
    pub fn changes(&self) -> usize {
        self.asked().iter().filter(|(_, verb)| *verb != "inspect").count()
    }

    fn answer(&self, shared: &Weak<Shared>, call: &ExecCall) -> ExecReply {
        let Some(shared) = shared.upgrade() else { return ExecReply::not_found() };
        if let Some(reply) = unusable(&shared, call) {
            return reply;
        }
        let request: Request = match serde_json::from_slice(&call.stdin) {
            Ok(request) => request,
            Err(error) => return ExecReply { code: 2, stderr: error.to_string().into(), ..ExecReply::default() },
        };
        let verb = verb(&request);
        self.asked.lock().unwrap().push((call.instance.clone(), verb));
        // The test may make it wait; others must go on meanwhile.
        let hook = self.hook.lock().unwrap().clone();
        let hooked = hook.and_then(|hook| tokio::task::block_in_place(|| hook(&shared, &call.instance, &request)));
        let line = match hooked.map_or_else(|| carry_out(&mut shared.world(), &call.instance, &request), Err) {
            Ok(reply) => Line::Done(reply),
            Err(failure) => Line::Failed(failure),
        };
        if self.cut.lock().unwrap().take_if(|cut| *cut == (call.instance.as_str(), verb)).is_some() {
            return ExecReply { cut: true, ..ExecReply::default() };
        }
        ExecReply::ok(serde_json::to_string(&line).unwrap() + "\n")
    }
}

/// What an agent that isn't there, or of which only a part is, makes of a call.
fn unusable(shared: &Shared, call: &ExecCall) -> Option<ExecReply> {
    let program = call.command.first()?;
    let world = shared.world();
    let Some(file) = world.instances.get(&call.instance)?.files.get(program) else {
        return Some(ExecReply::not_found());
    };
    let whole = program.ends_with(&sha256_hex(&file.content)[..16]);
    (!whole || file.attributes.2 & 0o100 == 0).then(|| ExecReply { code: 126, ..ExecReply::default() })
}

fn verb(request: &Request) -> &'static str {
    match request {
        Request::Inspect(_) => "inspect",
        Request::WaitReady(_) => "wait_ready",
        Request::Write(_) => "write",
        Request::OwnBelow(_) => "own_below",
        Request::InstallPackages(_) => "install_packages",
        Request::Units(_) => "units",
        Request::DeployService(_) => "deploy_service",
        Request::WaitService(_) => "wait_service",
        Request::InitService(_) => "init_service",
        Request::RemoveService(_) => "remove_service",
        Request::WaitMongod(_) => "wait_mongod",
        Request::InitiateReplicaSet(_) => "initiate_replica_set",
        Request::ReconfigureReplicaSet(_) => "reconfigure_replica_set",
        Request::EnsureUsers(_) => "ensure_users",
        Request::StepDown(_) => "step_down",
        Request::HandBack(_) => "hand_back",
        Request::WaitReplicaSet(_) => "wait_replica_set",
        Request::Heal(_) => "heal",
        Request::EndDrill(_) => "end_drill",
        Request::TellTime
        | Request::StartWorkload(_)
        | Request::AskWorkload(_)
        | Request::StopWorkload(_)
        | Request::RemoveWorkload(_)
        | Request::CheckFault(_)
        | Request::InjectFault(_)
        | Request::ReadBack(_)
        | Request::ReadBackApp(_)
        | Request::Rollbacks(_) => "drill",
        Request::Fragment(_) => "fragment",
        Request::Routing(_) => "routing",
        Request::Flush(_) | Request::Hold(_) | Request::LetGo(_) => "hold",
        Request::RehomeReplicaSet(_) | Request::RenameReplicaSet(_) => "rehome",
        Request::Data(_) => "data",
        Request::EmptyMember(_) => "empty_member",
    }
}

fn carry_out(world: &mut World, instance: &str, request: &Request) -> Result<Reply, Failure> {
    if let Request::Inspect(asked) = request {
        let mongods = asked.mongods.iter().map(|query| (query.port, mongo::look(world, instance, query))).collect();
        let seen = Inspection { mongods, ..disk(world, instance)?.inspect(asked) };
        return Ok(Reply::Inspection(Box::new(seen)));
    }
    if let Request::Fragment(asked) = request {
        return fragment(world, instance, asked).map(Reply::Fragment);
    }
    match request {
        Request::Write(asked) => disk(world, instance)?.write(asked)?,
        Request::InstallPackages(asked) => disk(world, instance)?.install(&asked.packages),
        Request::Units(asked) => disk(world, instance)?.change_units(asked)?,
        Request::DeployService(asked) => disk(world, instance)?.deploy(asked)?,
        Request::WaitService(asked) => disk(world, instance)?.assert_works(&asked.unit)?,
        Request::InitService(asked) => disk(world, instance)?.init(asked)?,
        Request::RemoveService(asked) => disk(world, instance)?.remove(asked)?,
        Request::WaitMongod(asked) => mongo::assert_up(world, instance, asked.port)?,
        Request::InitiateReplicaSet(asked) => mongo::initiate(world, &asked.config)?,
        Request::ReconfigureReplicaSet(asked) => mongo::reconfigure(world, &asked.config)?,
        Request::EnsureUsers(asked) => mongo::ensure_users(world, instance, asked)?,
        Request::WaitReplicaSet(asked) => mongo::assert_members_up(world, &asked.members)?,
        Request::Inspect(_) | Request::WaitReady(_) | Request::StepDown(_) | Request::HandBack(_) => {}
        Request::Heal(_) => {
            let (begun, done) = (When::default(), When::default());
            return Ok(Reply::Healed(Healed {
                begun,
                done,
                faults: Vec::new(),
                workloads: Vec::new(),
                unfinished: Vec::new(),
            }));
        }
        Request::EndDrill(_) => {}
        Request::Routing(asked) => return Ok(Reply::Routed(routed(asked))),
        // What happens to a system that is broken on purpose can't be faked.
        other => return Err(Failure::new("the fake agent", format!("can't do {}", verb(other)))),
    }
    Ok(Reply::Ok)
}

/// What a guest says of the part of a collection that is on one of its sets: a scan that a test left in [`SCANS`], and
/// that there is nothing to move.
fn fragment(world: &mut World, instance: &str, asked: &FragmentRequest) -> Result<FragmentReply, Failure> {
    let files = &disk(world, instance)?.files;
    Ok(match &asked.ask {
        FragmentAsk::Scan { .. } => {
            let left = files.get(&format!("{SCANS}{}", asked.place.on));
            FragmentReply::Scanned(left.map(|file| serde_json::from_slice(&file.content).unwrap()).unwrap_or_default())
        }
        FragmentAsk::Misplaced { .. } => FragmentReply::Misplaced { documents: Vec::new(), next: None },
        FragmentAsk::Unfinished => FragmentReply::Unfinished(Vec::new()),
        // Where a service of the fake puts products: all of them into the first set.
        FragmentAsk::Holds { ids } => {
            FragmentReply::Holds(vec![asked.place.on == asked.rule.fragments[0].on; ids.len()])
        }
        _ => FragmentReply::Done,
    })
}

fn routed(asked: &RoutingRequest) -> Routed {
    let products = asked.names.iter().map(|name| RoutedProduct { name: name.clone(), id: name.clone() });
    Routed { products: products.collect(), refused: Vec::new() }
}

fn disk<'w>(world: &'w mut World, instance: &str) -> Result<Disk<'w>, Failure> {
    let found = world.instances.get_mut(instance);
    let found = found.ok_or_else(|| Failure::new(instance, "was deleted while its agent ran"))?;
    let network = found.object["devices"]["eth0"]["network"].as_str().unwrap_or_default();
    let bridge = world.networks.get(network).and_then(|network| network["config"]["ipv4.address"].as_str());
    let length = bridge.and_then(|bridge| bridge.split('/').nth(1)).unwrap_or("24");
    let address = found.address().map(|address| format!("{address}/{length}"));
    Ok(Disk { files: &mut found.files, address })
}
