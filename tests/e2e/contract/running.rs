//! How the services run: what of them can be read, and how they end.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{PASSWORD, make, stage};
use crate::harness::{Ran, lab};

/// Eight clients that read the list until standard input ends, each request over a connection of its own.
const READERS: &str = include_str!("readers.py");

/// Eight clients in the middle of a request, who go on once the service is stopping.
const SENDERS: &str = include_str!("senders.py");

#[test]
fn requests_that_were_taken_are_finished_before_it_stops() {
    let stage = stage();
    let token = stage.log_in("admin", &stage.password());
    let address = stage.platform.system.host(11, 3000);
    let (host, port) = address.split_once(':').unwrap();
    let mut senders = lab().inside("python3");
    let senders = senders.args(["-c", SENDERS, host, port, &token]).stdin(Stdio::null());
    let mut senders = senders.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(senders.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "taken");
    stage.platform.system.guest("web", "systemctl restart web");
    let told: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    senders.wait().unwrap();
    assert_eq!(told, json!([201, 201, 201, 201, 201, 201, 201, 201]));
    assert_eq!(stage.names("rsA").len(), 8);
    stage.platform.system.guest("web", ENDED_WELL);
}

/// The end of the run before, in the journal.
const ENDED_WELL: &str = "journalctl --unit web --boot --output cat | grep -q stopping
! journalctl --unit web --boot --output cat | grep -E 'were cut off|Failed with result|code=killed'";

#[test]
fn a_restart_cuts_no_answer_in_half() {
    let stage = stage();
    let admin = stage.admin();
    // More than sockets hold, so that an answer that the service does not finish is seen to be cut.
    stage.platform.admin("rsA").eval(
        "len(client.products_db.products.insert_many([{'name': f'Arroz {n}', 'description': 'x' * 1900, 'price': 1.0, \
         'stock': 1, 'category': 'prueba'} for n in range(900)]).inserted_ids)",
    );
    let token = stage.log_in("admin", &stage.password());
    let mut readers = lab().inside("python3");
    let readers = readers.args(["-c", READERS, "127.0.0.1:18001", &stage.platform.system.host(11, 3000), &token]);
    let mut readers = readers.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (begin, mut told) = (readers.stdin.take(), BufReader::new(readers.stdout.take().unwrap()).lines());
    assert_eq!(told.next().unwrap().unwrap(), "reading");
    stage.platform.system.guest("web", "systemctl restart web && systemctl restart web");
    stage.platform.system.distctl(&["restart", "web"]).ended_with(0);
    drop(begin);
    let told: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    readers.wait().unwrap();
    eprintln!("three restarts while 8 clients read: {told}");
    assert!(told["whole"].as_u64().unwrap() >= 24, "{told}");
    assert_eq!((&told["cut"], &told["other"]), (&json!([]), &json!([])));
    stage.platform.system.guest("web", ENDED_WELL);
    assert_eq!(admin.get("/products").status, 200);
}

#[test]
fn no_secret_is_seen_where_others_look() {
    let stage = stage();
    let system = &stage.platform.system;
    let (admin, user) = (stage.log_in("admin", &stage.password()), stage.join("olga"));
    make(&stage.web.bearer(&user), "Café");
    stage.web.post("/auth/login", &json!({ "username": "olga", "password": "no es la clave" })).says(401);
    for (service, secrets) in [("auth", vec!["jwt", "admin"]), ("web", vec!["web"])] {
        let environment = format!("/etc/distctl/{service}.env");
        assert_eq!(system.guest(service, &format!("stat -c '%a %U' {environment}")), "600 root\n");
        let mut never: Vec<String> = secrets.iter().map(|name| system.secret(service, name)).collect();
        never.extend([admin.clone(), user.clone(), PASSWORD.to_owned(), "no es la clave".to_owned()]);
        never.extend(passwords(&system.guest(service, &format!("cat {environment}"))));
        let seen = system.guest(
            service,
            &format!("ps -eo args; systemctl cat {service}; systemctl show {service}; journalctl --boot --output cat"),
        );
        // What it says is read: a line of a request is there.
        assert!(seen.contains("\"path\":\"/"), "{seen}");
        for secret in never {
            assert!(!seen.contains(&secret), "{service} shows a secret of {} letters", secret.len());
        }
        let user = system.guest(service, &format!("ps -o user= -p $(systemctl show -P MainPID {service})"));
        assert_ne!(user.trim(), "root");
        let looks = format!("su -s /bin/sh nobody -c 'cat {environment} /var/lib/distctl/secrets/*'");
        let ran: Ran = lab().try_guest(&system.container(service), &looks);
        assert!(ran.code != Some(0) && ran.stdout.is_empty(), "nobody reads {environment}");
    }
}

/// Passwords in the addresses of databases.
fn passwords(environment: &str) -> Vec<String> {
    let addresses = environment.lines().filter_map(|line| line.split_once("mongodb://")?.1.split_once('@'));
    let found: Vec<String> = addresses.filter_map(|(login, _)| Some(login.split_once(':')?.1.to_owned())).collect();
    assert!(!found.is_empty(), "no address of a database");
    found
}
