//! Services: what each container has of them, and what must be there before.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::{HealthCheck, Piece, SERVICES};
use tera::Context;

use super::access::store;
use super::container::root_file;
use super::expand::Work;
use super::filled::{environment, fill, outline};
use super::template::APP_SERVICE;
use super::{Container, Content, Desired, File, Init, Release, SecretName, Service, artifact, sha256_hex};
use crate::topology::{self, At, Notes, Reference, Topology, references};

/// How often a service is asked, in milliseconds, where the topology says nothing.
const INTERVAL_MS: u64 = 1_000;

/// How long a service may take until it works, in milliseconds, where the topology says nothing.
const TIMEOUT_MS: u64 = 30_000;

/// Files of this host, by service and path in the container.
pub(super) struct Sources(BTreeMap<(String, String), Content>);

impl Sources {
    /// Finds binaries and files of services, or notes why they can't be read.
    pub fn of(topology: &Topology, base: &Path, notes: &mut Notes) -> Self {
        let mut sources = BTreeMap::new();
        for (name, service) in topology.services.iter() {
            let binary = service.binary.as_ref().and_then(|named| artifact::of_binary(named, topology, base, notes));
            sources.extend(binary.map(|content| ((name.to_owned(), binary_path(name)), content)));
            for (path, file) in service.files.iter() {
                let source = file.source.as_ref().and_then(|named| artifact::of_path(named, None, base, notes));
                sources.extend(source.map(|content| ((name.to_owned(), path.to_owned()), content)));
            }
        }
        Self(sources)
    }

    fn get(&self, service: &str, path: &str) -> Option<Content> {
        self.0.get(&(service.to_owned(), path.to_owned())).cloned()
    }
}

/// The topology with the text of each template in its place.
pub(super) fn with_templates(topology: &Topology, base: &Path, notes: &mut Notes) -> Topology {
    let mut topology = topology.clone();
    for (_, service) in topology.services.iter_mut() {
        for (_, file) in service.files.iter_mut() {
            let Some(template) = file.template.take() else { continue };
            match std::fs::read_to_string(base.join(&template.value)) {
                Ok(text) => file.content = Some(At { value: text, span: template.span }),
                Err(error) => {
                    let finding = notes.error(template.span, format!("`{}` can't be read: {error}", template.value));
                    finding.instead("put the file there, or write where it is");
                }
            }
        }
    }
    topology
}

/// All that is filled into the texts of a service.
pub(super) fn references_of(service: &topology::Service) -> Vec<Reference> {
    let files = service.files.iter().filter_map(|(_, file)| file.content.as_ref());
    let stdin = service.init.iter().filter_map(|init| init.stdin.as_ref());
    let texts = service.environment.iter().map(|(_, value)| value).chain(files).chain(stdin);
    texts.flat_map(|text| references(text)).flatten().map(|(_, reference)| reference).collect()
}

/// Adds all services, and to their containers what these need of them.
pub(super) fn add_all(desired: &mut Desired, work: &Work<'_>) -> Result<(), String> {
    for (name, declared) in work.topology.services.iter() {
        let containers: Vec<String> = declared.container.iter().map(|container| container.value.clone()).collect();
        for (index, host) in containers.iter().enumerate() {
            let Some(container) = desired.containers.get_mut(host) else { continue };
            let mut release = Draft { name, declared, work }.release(container)?;
            release.init = release.init.filter(|_| index == 0);
            add_to(container, declared, release);
        }
        let depends_on = declared.depends_on.iter().map(|one| one.value.clone()).collect();
        desired.services.insert(name.to_owned(), Service { name: name.to_owned(), containers, depends_on });
    }
    Ok(())
}

fn add_to(container: &mut Container, declared: &topology::Service, release: Release) {
    for reference in references_of(declared) {
        if let Reference::Secret(secret) = reference {
            store(container, &SecretName::named(&secret));
        }
    }
    container.packages.extend(declared.packages.iter().map(|package| package.value.clone()));
    container.packages.sort();
    container.packages.dedup();
    container.releases.insert(release.service.clone(), release);
}

fn binary_path(service: &str) -> String {
    format!("/usr/local/bin/{service}")
}

/// A release in the making.
struct Draft<'t> {
    name: &'t str,
    declared: &'t topology::Service,
    work: &'t Work<'t>,
}

impl Draft<'_> {
    fn release(&self, container: &Container) -> Result<Release, String> {
        let (name, declared) = (self.name, self.declared);
        let unit = format!("{name}.service");
        let environment_file = format!("/etc/distctl/{name}.env");
        let mut files = self.own_files();
        files.insert(environment_file.clone(), root_file(0o600, Content::Filled(self.environment())));
        let revision = revision(&files, &self.unit("", &environment_file)?);
        let text = self.unit(&revision, &environment_file)?;
        files.insert(format!("/etc/systemd/system/{unit}"), root_file(0o644, Content::Bytes(text.into_bytes())));
        let check = declared.healthcheck.as_ref();
        let milliseconds =
            |time: Option<At<topology::Time>>, default| time.map_or(default, |time| time.get().as_millis() as u64);
        Ok(Release {
            service: name.to_owned(),
            unit,
            user: self.user(),
            revision,
            files,
            environment_file,
            health: check.zip(declared.port).map(|(check, port)| HealthCheck {
                host: format!("{}:{}", container.ipv4, port.value),
                path: check.http.value.clone(),
            }),
            interval_ms: milliseconds(check.and_then(|check| check.interval), INTERVAL_MS),
            timeout_ms: milliseconds(check.and_then(|check| check.timeout), TIMEOUT_MS),
            init: self.init(),
        })
    }

    fn user(&self) -> String {
        self.declared.user.as_ref().map_or_else(|| self.name.to_lowercase(), |user| user.value.clone())
    }

    /// The binary, and the files that the topology names: readable by the service, written by root alone.
    fn own_files(&self) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        if let Some(content) = self.work.sources.get(self.name, &binary_path(self.name)) {
            files.insert(binary_path(self.name), root_file(0o755, content));
        }
        for (path, declared) in self.declared.files.iter() {
            let filled = declared.content.as_ref().map(|text| Content::Filled(self.fill(text)));
            let Some(content) = filled.or_else(|| self.work.sources.get(self.name, path)) else { continue };
            let mode = declared.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0o640);
            files.insert(path.to_owned(), File { group: self.user(), ..root_file(mode, content) });
        }
        files
    }

    fn fill(&self, text: &str) -> Vec<Piece> {
        fill(text, self.name, self.work.topology)
    }

    fn environment(&self) -> Vec<Piece> {
        environment(self.declared.environment.iter().map(|(name, value)| (name, self.fill(value))))
    }

    fn unit(&self, revision: &str, environment_file: &str) -> Result<String, String> {
        let mut command = self.declared.command.words();
        if command.is_empty() {
            command.push(binary_path(self.name));
        }
        let mut context = Context::new();
        context.insert("name", self.name);
        context.insert("topology", &self.work.topology.name.value);
        context.insert("user", &self.user());
        context.insert("revision", revision);
        context.insert("environment_file", environment_file);
        context.insert("command", &command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
        context.insert("working_dir", &self.declared.working_dir.as_ref().map(|folder| &folder.value));
        context.insert("protect_home", if self.lives_in_home(&command) { "read-only" } else { "yes" });
        context.insert("low_port", &self.declared.port.is_some_and(|port| port.value < 1024));
        self.work.templates.render(APP_SERVICE, &context)
    }

    /// Whether the topology itself puts the service below a folder that its sandbox would hide.
    fn lives_in_home(&self, command: &[String]) -> bool {
        let declared = self.declared.working_dir.iter().map(|folder| folder.value.as_str());
        let declared = declared.chain(self.declared.files.iter().map(|(path, _)| path));
        // An option may have its path behind it: `--config=/home/app/app.conf`.
        declared.chain(command.iter().map(String::as_str)).any(names_home)
    }

    fn init(&self) -> Option<Init> {
        let init = self.declared.init.as_ref()?;
        let command = init.command.words();
        let stdin = init.stdin.as_ref().map(|text| text.value.as_str()).unwrap_or_default();
        let secrets = references(stdin).into_iter().flatten().filter_map(|(_, reference)| match reference {
            Reference::Secret(name) => Some(SecretName::named(&name)),
            _ => None,
        });
        Some(Init {
            marked: format!("{}\n", command.join(" ")),
            command,
            stdin: self.fill(stdin),
            secrets: secrets.collect(),
            marker: format!("{SERVICES}/{}/initialized", self.name),
        })
    }
}

/// Whether a text names a path below a folder that systemd's `ProtectHome` hides.
fn names_home(text: &str) -> bool {
    let text = format!("{text}/");
    let begins = |before: &str| !before.ends_with(|one: char| one.is_alphanumeric() || "-_./".contains(one));
    topology::HOMES.iter().any(|home| text.match_indices(home).any(|(at, _)| begins(&text[..at])))
}

/// A word of a command line as systemd reads it (systemd.service(5), "Command lines").
fn quoted(word: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_./=:,+@".contains(one);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let escaped = word.chars().fold(String::with_capacity(word.len() + 2), |mut text, one| {
        match one {
            '\\' | '"' => text.extend(['\\', one]),
            '%' | '$' => text.extend([one, one]),
            // A unit is read line by line.
            '\n' => text.push_str("\\n"),
            one if one.is_ascii_control() => text.push_str(&format!("\\x{:02x}", u32::from(one))),
            one => text.push(one),
        }
        text
    });
    format!("\"{escaped}\"")
}

/// The hash of all that a running service was started with, but for the values of secrets.
fn revision(files: &BTreeMap<String, File>, unit: &str) -> String {
    let contents = files.iter().map(|(path, file)| {
        let content = match &file.content {
            Content::Bytes(bytes) => sha256_hex(bytes),
            Content::Artifact { sha256, .. } | Content::Agent { sha256 } => sha256.clone(),
            Content::Secret(name) => name.to_string(),
            Content::Filled(pieces) => sha256_hex(outline(pieces).as_bytes()),
        };
        format!("{path} {content}\n")
    });
    sha256_hex(format!("{unit}{}", contents.collect::<String>()).as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{names_home, quoted};

    #[test]
    fn a_home_is_named_by_paths_below_it() {
        for text in ["/home/ubuntu/app", "/home", "--config=/home/a/b", "cd /home/a && x", "/root/x"] {
            assert!(names_home(text), "{text}");
        }
        for text in ["/srv/home/app", "/homes/a", "home/a", "/opt/app", ""] {
            assert!(!names_home(text), "{text}");
        }
    }

    #[test]
    fn words_as_systemd_reads_them() {
        let words =
            ["python3", "/srv/app.py", "", "two words", "100%", "$HOME", "say \"x\"", ";", "a\nb\\n", "it's", "\u{1b}"];
        insta::assert_snapshot!(
            words.map(quoted).join(" "),
            @r#"python3 /srv/app.py "" "two words" "100%%" "$$HOME" "say \"x\"" ";" "a\nb\\n" "it's" "\x1b""#
        );
    }
}
