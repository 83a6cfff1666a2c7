//! Services: where they run, what they need, what is filled into them.

use std::ops::Range;

use super::super::deployment::{Service, ServiceFile};
use super::super::reference::{Reference, references};
use super::super::span::Span;
use super::super::{At, Named, Notes, Topology};
use super::{declared, suggest};

/// Names of services that would take the place of units that a guest lives by, and beginnings of such names.
const RESERVED: [&str; 14] = [
    "systemd",
    "mongod",
    "dbus",
    "distctl",
    "emergency",
    "rescue",
    "console",
    "getty",
    "user",
    "networking",
    "udev",
    "ssh",
    "sshd",
    "cron",
];

/// What systemd's `ProtectHome` hides. It is shown, read-only, to a service that is declared to live there.
pub(crate) const HOMES: [&str; 2] = ["/home/", "/root/"];

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let services = &topology.services;
    for (name, service) in services.iter() {
        places(name, service, topology, notes);
        start(name, service, services.span(name), notes);
        reachable(name, service, notes);
        environment(service, topology, notes);
        files(&service.files, topology, notes);
        init(name, service, topology, notes);
        for target in &service.depends_on {
            if !services.declares(target) && !topology.mongodb.declares(target) {
                let finding =
                    notes.error(target.span, format!("there is nothing called `{}` to wait for", target.value));
                let known = services.declared().map(|(name, _)| name).chain(topology.mongodb.names());
                suggest(finding, target, known.filter(|known| *known != name));
            }
        }
    }
    circles(services, notes);
}

/// Where it runs, under which name.
fn places(name: &str, service: &Service, topology: &Topology, notes: &mut Notes) {
    let span = topology.services.span(name);
    if let Some(unit) = RESERVED.iter().find(|reserved| name == **reserved || name.starts_with(&format!("{reserved}-")))
    {
        notes
            .error(
                span,
                format!("`{name}.service` would stand in for a unit of the guest's own or of distctl's ({unit})"),
            )
            .instead("give the service another name");
    }
    if service.container.is_empty() {
        notes.error(span, format!("`{name}` has no container")).instead("add `container: NAME`, or a list of them");
    }
    for (index, container) in service.container.iter().enumerate() {
        declared(container, &topology.containers, "container", notes);
        if let Some(first) = service.container[..index].iter().find(|first| first.value == container.value) {
            notes
                .error(container.span, format!("`{name}` runs in `{}` already", container.value))
                .instead("name each container once")
                .also(first.span, "here");
        }
    }
}

/// What is run, as whom, and how one sees that it works.
fn start(name: &str, service: &Service, span: Span, notes: &mut Notes) {
    if service.binary.is_none() && service.command.is_empty() {
        notes.error(span, format!("`{name}` has nothing to run")).instead("add `binary:` or `command:`");
    }
    if let (Some(check), None) = (&service.healthcheck, &service.port) {
        notes
            .error(check.http.span, format!("`{name}` has no port that could be asked"))
            .instead("add `port:` to the service");
    }
    if let Some(check) = &service.healthcheck {
        if !check.http.starts_with('/') {
            notes
                .error(check.http.span, format!("`{}` is not a path", check.http.value))
                .instead(format!("write `/{}`", check.http.trim_start_matches('/')));
        }
        if let (Some(interval), Some(timeout)) = (check.interval, check.timeout)
            && interval.value > timeout.value
        {
            notes
                .error(interval.span, format!("asking every {} never succeeds within {}", *interval, *timeout))
                .instead("write an interval shorter than the timeout")
                .also(timeout.span, "the timeout");
        }
    }
    for folder in service.working_dir.iter().filter(|folder| !folder.starts_with('/')) {
        notes.error(folder.span, format!("`{}` is not an absolute path", folder.value)).instead("begin with `/`");
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    for user in service.user.iter() {
        let first = user.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        if !first || user.len() > 32 || !user.bytes().all(allowed) {
            notes
                .error(user.span, format!("`{}` is not a name that a system user can have", user.value))
                .instead("write small letters, digits, `_` and `-`, at most 32");
        }
    }
}

/// Folders that the service's user can't enter, whatever its sandbox shows.
fn reachable(name: &str, service: &Service, notes: &mut Notes) {
    let is_root = service.user.as_ref().is_some_and(|user| user.value == "root");
    let below = |path: &str, folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let why = |path: &str| {
        if below(path, "/run/user") {
            Some("is removed when a user logs out")
        } else if below(path, "/root") && !is_root {
            Some("can be entered by root alone, and the service does not run as root")
        } else {
            None
        }
    };
    let program = service.command.words().into_iter().next();
    let program = program.zip(service.command.written().first()).map(|(word, first)| (word, first.span));
    let folder = service.working_dir.iter().map(|folder| (folder.value.clone(), folder.span));
    let files = service.files.declared().map(|(path, span)| (path.to_owned(), span));
    for (path, span) in folder.chain(files).chain(program) {
        if let Some(why) = why(&path) {
            notes.error(span, format!("`{path}` {why}")).instead(format!(
                "choose a folder below `/opt` or `/srv`, or `/var/lib/{name}`, which the service may write to"
            ));
        }
    }
}

/// What is run once.
fn init(name: &str, service: &Service, topology: &Topology, notes: &mut Notes) {
    let Some(init) = &service.init else { return };
    if init.command.is_empty() {
        let span = init.stdin.as_ref().map_or(topology.services.span(name), |stdin| stdin.span);
        notes.error(span, format!("`init` of `{name}` has nothing to run")).instead("add `command:`");
    }
    if let Some(stdin) = &init.stdin {
        text(stdin, topology, notes);
    }
}

fn environment(service: &Service, topology: &Topology, notes: &mut Notes) {
    for (name, span) in service.environment.declared() {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) || !name.bytes().all(allowed) {
            notes
                .error(span, format!("`{name}` is not a name that a variable can have"))
                .instead("write letters, digits and `_`, and begin with a letter");
        }
    }
    for (_, value) in service.environment.iter() {
        text(value, topology, notes);
    }
}

/// Checks all that is filled into a text of the topology file.
fn text(value: &At<String>, topology: &Topology, notes: &mut Notes) {
    filled(value, |range| value.part(range), topology, notes);
}

/// Checks all that is filled into a text. The mark tells where a part of the text stands in the topology file.
pub(super) fn filled(text: &str, mark: impl Fn(&Range<usize>) -> Span, topology: &Topology, notes: &mut Notes) {
    for reference in references(text) {
        match reference {
            Err(wrong) => {
                notes.error(mark(&wrong.range), wrong.message).instead(wrong.instead);
            }
            Ok((range, Reference::MongoUri { name, .. })) if !topology.mongodb.declares(&name) => {
                let finding = notes.error(mark(&range), format!("there is no replica set or mongod `{name}`"));
                suggest(finding, &name, topology.mongodb.names());
            }
            Ok((range, Reference::Address(name))) if !topology.containers.declares(&name) => {
                let finding = notes.error(mark(&range), format!("there is no container `{name}`"));
                suggest(finding, &name, topology.containers.declared().map(|(name, _)| name));
            }
            Ok((range, Reference::Fragmentation(name))) if !topology.fragmentation.declares(&name) => {
                let finding = notes.error(mark(&range), format!("there is no fragmentation `{name}`"));
                suggest(finding, &name, topology.fragmentation.declared().map(|(name, _)| name));
            }
            Ok(_) => {}
        }
    }
}

fn files(files: &Named<ServiceFile>, topology: &Topology, notes: &mut Notes) {
    for (path, span) in files.declared() {
        if !path.starts_with('/') || path.ends_with('/') || path.split('/').any(|part| part == "..") {
            notes
                .error(span, format!("`{path}` is not an absolute path of a file"))
                .instead("begin with `/` and leave `..` out");
        }
    }
    for (path, file) in files.iter() {
        let span = files.span(path);
        let sources: Vec<&At<String>> = [&file.content, &file.template, &file.source].into_iter().flatten().collect();
        match sources[..] {
            [] => {
                notes
                    .error(span, format!("`{path}` has no source"))
                    .instead("add `content:`, `template:` or `source:`");
            }
            [_] => {}
            [.., second] => {
                notes
                    .error(second.span, format!("`{path}` has more than one source"))
                    .instead("keep one of `content`, `template` and `source`");
            }
        }
        if let Some(content) = &file.content {
            text(content, topology, notes);
        }
        let octal = |mode: &At<String>| {
            (3..=4).contains(&mode.len()) && u32::from_str_radix(mode, 8).is_ok_and(|bits| bits <= 0o777)
        };
        let for_root = |mode: &&At<String>| u32::from_str_radix(mode, 8).is_ok_and(|bits| bits & 0o044 == 0);
        for mode in file.mode.iter().filter(|mode| octal(mode)).filter(for_root) {
            notes
                .warning(mode.span, format!("root alone can read `{path}`, and the service does not run as root"))
                .instead("write \"0640\": the service's group may read it then, and nobody else");
        }
        for mode in file.mode.iter().filter(|mode| !octal(mode)) {
            notes
                .error(mode.span, format!("`{}` is not a set of permission bits", mode.value))
                .instead("write \"0640\"");
        }
    }
}

/// Notes each circle of services that wait for each other once, at the first of them by name.
fn circles(services: &Named<Service>, notes: &mut Notes) {
    let mut done: Vec<&str> = Vec::new();
    for (name, _) in services.iter() {
        visit(name, services, &mut Vec::new(), &mut done, notes);
    }
}

fn visit<'a>(
    name: &'a str,
    services: &'a Named<Service>,
    path: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
    notes: &mut Notes,
) {
    let Some(service) = services.get(name).filter(|_| !done.contains(&name)) else {
        return;
    };
    path.push(name);
    for target in &service.depends_on {
        if let Some(at) = path.iter().position(|one| *one == target.value) {
            let circle = [&path[at..], &[target.as_str()]].concat().join("` -> `");
            notes
                .error(target.span, format!("services wait for each other in a circle: `{circle}`"))
                .instead("remove one of these dependencies");
        } else {
            visit(target, services, path, done, notes);
        }
    }
    path.pop();
    done.push(name);
}
