//! Services in any language: deployed, watched, rolled, taken back, removed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::harness::{Lab, Ran, System, lab, wait_until};

/// Two containers with one service, which counts on a mongod; `GREETING` tells one release from another.
const HELLO: &str = "
containers:
  NAME-a: { ipv4: NET.11 }
  NAME-b: { ipv4: NET.12 }
  NAME-db: { ipv4: NET.13, packages: [libcurl4] }
mongodb:
  binary: mongod
  standalone:
    main: { container: NAME-db, port: 27017 }
services:
  hello:
    container: [NAME-a, NAME-b]
    command: [perl, /srv/hello/hello.pl]
    port: 8080
    environment:
      PORT: \"8080\"
      STATUS: 200 OK
      GREETING: one
      KEY: \"{{ secret('key') }}\"
      URI: \"{{ mongodb.main.uri(db='shop') }}\"
    files:
      /srv/hello/hello.pl: { source: hello.pl }
    healthcheck: { http: /health, interval: 200ms, timeout: 4s }
    depends_on: [main]
    init: { command: [sh, -c, \"cat >> /var/lib/hello/told\"], stdin: \"{{ secret('boss') }} \" }
expose:
  web: { listen: \"127.0.0.1:PORT\", to: \"NAME-a:8080\" }
";

/// The system, declared but not brought up.
pub fn declare(name: &str, subnet: u8) -> System {
    let system =
        System::declare(name, subnet, &HELLO.replace("PORT\", to", &format!("{}\", to", 18_000 + u16::from(subnet))));
    std::fs::copy(Lab::project_file("tests/e2e/services/hello.pl"), system.folder().join("hello.pl")).unwrap();
    system
}

/// Asks over HTTP from inside the lab; the body, or nothing where there is no answer.
pub fn get(url: &str) -> String {
    Ran::of(lab().inside("curl").args(["--silent", "--max-time", "5", url])).stdout
}

pub fn ask(system: &System, last: u8) -> String {
    get(&format!("http://{}/health", system.host(last, 8080)))
}

fn exposed(subnet: u8) -> String {
    get(&format!("http://127.0.0.1:{}/", 18_000 + u16::from(subnet)))
}

#[test]
fn a_service_from_birth_to_removal() {
    let system = declare("hello", 40);
    let up = system.up();
    // The secret that a person needs is shown, and only by the run that made it.
    let boss = system.secret("a", "boss");
    assert_eq!(up.stderr.matches(&boss).count(), 1, "{}", up.stderr);
    assert_eq!(system.distctl(&["secret", "show", "boss"]).ended_with(0).stdout.trim(), boss);
    system.plan(0);
    assert!(!system.up().all().contains(&boss));

    for last in [11, 12] {
        let answer = ask(&system, last);
        let uri = format!("mongodb://hello:...@{}/shop?appName=hello&authSource=admin", system.host(13, 27017));
        assert!(answer.contains("\"version\":\"one\",\"key\":32") && answer.contains(&uri), "{answer}");
    }
    assert!(exposed(40).contains("one"));
    // What is run once ran in the first container alone, as the service's user, and once although `up` ran twice.
    assert_eq!(system.guest("a", "cat /var/lib/hello/told; stat -c %U /var/lib/hello/told"), format!("{boss} hello\n"));
    system.guest("b", "test ! -e /var/lib/hello/told");
    let secrets = system.guest("a", "ps -eo args; cat /etc/systemd/system/hello.service");
    assert!(!secrets.contains(&system.secret("a", "key")) && !secrets.contains(&boss));

    system.edit("\nservices:", "\nx-services:");
    system.edit("\nexpose:", "\nx-expose:");
    system.mends(&["remove service hello in hello-a", "remove service hello in hello-b", "device expose-web"]);
    system.guest(
        "a",
        "test ! -e /etc/systemd/system/hello.service; test ! -e /etc/distctl/hello.env; test ! -e /srv/hello/hello.pl",
    );
    system.guest("a", "test -e /var/lib/hello/told");
    assert_eq!(exposed(40), "");
}

#[test]
fn a_service_can_do_little() {
    let system = declare("jail", 41);
    system.up();
    assert_eq!(system.guest("a", "stat -c '%a %U' /etc/distctl/hello.env"), "600 root\n");
    assert_eq!(system.guest("a", "stat -c '%a %U:%G' /srv/hello/hello.pl"), "640 root:hello\n");
    let pid = system.guest("a", "systemctl show --property MainPID --value hello");
    let status = system.guest("a", &format!("cat /proc/{}/status", pid.trim()));
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"), "{status}");
    assert!(status.contains("Seccomp:\t2"), "no filter of system calls: {status}");
    assert_ne!(system.guest("a", "ps -o user= -p $(systemctl show -p MainPID --value hello)").trim(), "root");
    // In its own view of the guest everything is read-only but its data, even for root.
    let inside = |script: &str| {
        lab().try_guest(&system.container("a"), &format!("nsenter -m -t {} sh -c '{script}'", pid.trim()))
    };
    assert!(inside("touch /etc/x").ended_with(1).stderr.contains("Read-only file system"));
    assert!(inside("touch /usr/local/bin/x").ended_with(1).stderr.contains("Read-only file system"));
    inside("touch /var/lib/hello/x").ended_with(0);
    inside("test ! -e /dev/sda && test ! -e /proc/kcore").ended_with(0);
}

/// Says that something is over, also where a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_change_goes_through_one_after_the_other() {
    let system = declare("roll", 42);
    system.up();
    let (over, asked, silent) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let _over = Ends(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let somebody = [11, 12].iter().any(|last| !ask(&system, *last).is_empty());
                asked.fetch_add(1, Ordering::Relaxed);
                silent.fetch_add(u32::from(!somebody), Ordering::Relaxed);
            }
        });
        system.edit("GREETING: one", "GREETING: two");
        let steps = ["deploy hello in roll-a", "deploy hello in roll-b", "/etc/distctl/hello.env", "(restart)"];
        let plan = system.plan(2).says(&steps);
        assert!(!plan.all().contains(&system.secret("a", "key")));
        system.up();
        system.distctl(&["restart", "hello"]).ended_with(0);
    });
    assert!(asked.load(Ordering::Relaxed) > 5);
    assert_eq!(silent.load(Ordering::Relaxed), 0, "at times nobody answered");
    assert!([11, 12].iter().all(|last| ask(&system, *last).contains("\"version\":\"two\"")));
    system.plan(0);
}

#[test]
fn a_release_that_does_not_work_is_taken_back() {
    let system = declare("back", 43);
    system.up();
    // It runs and says that it doesn't work.
    system.edit("GREETING: one", "GREETING: two");
    system.edit("STATUS: 200 OK", "STATUS: 503 No");
    let up = system.distctl(&["up"]).ended_with(1);
    up.says(&[
        "hello.service: the new release does not work",
        "503",
        "the one before runs on",
        "listening as two",
        "deploy hello in back-b",
    ]);
    for last in [11, 12] {
        let answer = ask(&system, last);
        assert!(answer.contains("\"version\":\"one\""), "{last}: '{answer}'");
    }
    system.plan(2).says(&["deploy hello in back-a"]);
    // It does not even run.
    std::fs::write(system.folder().join("hello.pl"), "die \"it is broken\\n\";").unwrap();
    system.edit("STATUS: 503 No", "STATUS: 200 OK");
    let up = system.distctl(&["up"]).ended_with(1);
    up.says(&["does not stay up", "it is broken", "the one before runs on"]);
    assert!(ask(&system, 11).contains("\"version\":\"one\""));
    std::fs::copy(Lab::project_file("tests/e2e/services/hello.pl"), system.folder().join("hello.pl")).unwrap();
    system.up();
    assert!(ask(&system, 11).contains("\"version\":\"two\""));
    system.plan(0);
}

/// What was begun is put in place whole, or put in place again by the next run.
#[test]
fn a_run_that_is_killed_in_the_middle_of_a_deployment_is_gone_on_with() {
    let system = declare("cut", 47);
    system.up();
    for (place, (before, after)) in [("a", ("one", "two")), ("b", ("two", "three"))] {
        system.edit(&format!("GREETING: {before}"), &format!("GREETING: {after}"));
        let mut up = system.start(&["up"]);
        let deploy = format!("deploy hello in cut-{place}");
        assert!(up.said(|line| line.contains("step_started") && line.contains(&deploy)), "it never came to {deploy}");
        up.signal("KILL");
        assert_eq!(up.end().code, None);
        system.up();
        system.plan(0);
        for last in [11, 12] {
            let answer = ask(&system, last);
            assert!(answer.contains(&format!("\"version\":\"{after}\"")), "{last}: '{answer}'");
        }
    }
}

#[test]
fn what_is_changed_by_hand_comes_back() {
    let system = declare("drif", 44);
    system.up();
    system.guest("a", "systemctl stop hello");
    system.mends(&["deploy hello in drif-a: inactive"]);
    system.guest("a", "echo GREETING=by-hand >> /etc/distctl/hello.env");
    system.mends(&["/etc/distctl/hello.env: sha256"]);
    system.guest("b", "sed -i 's/listening/by hand/' /srv/hello/hello.pl; systemctl restart hello");
    system.mends(&["deploy hello in drif-b", "/srv/hello/hello.pl: sha256"]);
    system.guest("b", "rm -r /var/lib/distctl/services/hello");
    system.mends(&["deploy hello in drif-b: missing"]);
    // It hangs: its port is open, and it says nothing.
    system.guest("a", "systemctl kill --signal=STOP hello");
    system.mends(&["restart hello in drif-a: does not answer"]);
    // It was killed, and comes back by itself.
    system.guest("a", "systemctl kill --signal=KILL hello");
    wait_until("hello is back", Duration::from_secs(10), || ask(&system, 11).contains("one"));
    // A secret that has gone is made anew, and what was filled with it too.
    let before = system.secret("a", "key");
    system.guest("a", "rm /var/lib/distctl/secrets/key");
    system.mends(&["/var/lib/distctl/secrets/key: missing"]);
    assert_eq!(system.secret("a", "key"), before, "the other container has it still");
    system.guest("a", "rm /var/lib/distctl/secrets/key");
    system.guest("b", "rm /var/lib/distctl/secrets/key");
    system.up();
    let after = system.secret("a", "key");
    assert_ne!(after, before);
    system.guest("a", &format!("grep -q {after} /etc/distctl/hello.env"));
    assert!(ask(&system, 11).contains("\"key\":32"));
    system.plan(0);
}

#[test]
fn what_was_told_once_is_told_again_to_a_new_database() {
    let system = declare("told", 45);
    system.up();
    let boss = system.secret("a", "boss");
    lab().incus(&["delete", "--force", "told-db"]);
    system.mends(&["run `sh -c cat >> /var/lib/hello/told` in told-a"]);
    assert_eq!(system.guest("a", "cat /var/lib/hello/told"), format!("{boss} {boss} "));
}

#[test]
fn a_port_of_the_host_that_is_taken() {
    let system = declare("port", 46);
    let mut other =
        lab().inside("socat").args(["TCP-LISTEN:18046,bind=127.0.0.1,reuseaddr", "EXEC:true"]).spawn().unwrap();
    wait_until("the port is taken", Duration::from_secs(10), || {
        let listening = Ran::of(lab().inside("ss").args(["--listening", "--numeric", "--tcp"]));
        listening.stdout.contains("127.0.0.1:18046")
    });
    let up = system.distctl(&["up"]);
    // It ends with its first visitor.
    get("http://127.0.0.1:18046/");
    other.wait().unwrap();
    up.ended_with(1).says(&["port-a", "18046", "address already in use"]);
    system.up();
    assert!(exposed(46).contains("one"));
    system.plan(0);
}
