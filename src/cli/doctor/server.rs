//! Checks of the daemon: itself, its storage, images and network, what it warns of.

use crate::guest::one_line;
use crate::incus::{Client, Error, Warning};
use crate::report::doctor::Check;
use crate::topology::Topology;

/// What a limit of the topology is called, and the warning that says that the daemon's host can't hold to it.
const LIMITS: [(&str, &str); 3] =
    [("memory", "CGroup memory controller"), ("cpu", "CGroup CPU controller"), ("processes", "CGroup pids controller")];

/// An error and its causes in one line.
pub(super) fn words(error: &Error) -> String {
    one_line(error)
}

/// Why no daemon could be asked.
pub(super) fn unreachable(error: &anyhow::Error) -> Check {
    let hint = error.chain().find_map(|link| link.downcast_ref::<Error>()).and_then(Error::hint);
    let hint = hint.unwrap_or_else(|| "is it running? see `systemctl status incus`".to_string());
    Check::failure("daemon", format!("{error:#}"), hint)
}

/// Checks a daemon that answers.
pub(super) async fn checks(client: &Client, topology: Option<&Topology>) -> Vec<Check> {
    let server = client.server();
    let text =
        format!("Incus {} on Linux {}, with every API extension that distctl needs", server.version, server.kernel);
    let client_text = format!("{}, project {}", client.address(), client.project());
    let mut checks = vec![Check::ok("daemon", text), Check::ok("client", client_text)];
    match client.read_project().await {
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| "see `incus project list`".to_string());
            checks.push(Check::failure("project", words(&error), hint));
            return checks;
        }
        Ok(_) => checks.push(storage(client, topology).await),
    }
    if let Some(topology) = topology {
        checks.push(image(client, topology).await);
        checks.push(network(client, topology).await);
    }
    checks.extend(warnings(client, topology).await);
    checks
}

/// The pool that containers come to: the topology's, or that of the default profile.
async fn storage(client: &Client, topology: Option<&Topology>) -> Check {
    let declared = topology.and_then(|topology| topology.storage.as_ref()).map(|storage| storage.pool.value.clone());
    let (pool, whose) = match declared {
        Some(pool) => (pool, "the topology's pool"),
        None => match client.profile("default").await.map(|profile| profile.root_pool().map(str::to_string)) {
            Ok(Some(pool)) => (pool, "the default profile's root disk"),
            Ok(None) => {
                let hint =
                    "`incus profile device add default root disk path=/ pool=POOL`, or name a pool under `storage:`";
                return Check::failure("storage", "the default profile has no root disk", hint);
            }
            Err(error) => return Check::failure("storage", words(&error), "see `incus profile show default`"),
        },
    };
    match client.pool(&pool).await {
        Ok(found) if found.status == "Created" => {
            let text = format!("pool {pool} ({}), {whose}", found.driver);
            match found.driver.as_str() {
                "dir" => {
                    let hint = "each container is a full copy there; btrfs or zfs makes them in no time";
                    Check::warning("storage", text, hint)
                }
                _ => Check::ok("storage", text),
            }
        }
        Ok(found) => Check::failure("storage", format!("pool {pool} is {}", found.status), "see `incus storage info`"),
        // A user of a project of its own may use the pool without being shown it.
        Err(error) if error.is_forbidden() => Check::ok("storage", format!("pool {pool}, {whose}")),
        Err(error) => Check::failure("storage", format!("pool {pool}: {}", words(&error)), "see `incus storage list`"),
    }
}

/// Whether one of the topology's images is on the server, or can be fetched by it.
async fn image(client: &Client, topology: &Topology) -> Check {
    let mut remote = None;
    for image in &topology.image {
        match image.split_once(':') {
            Some((name, alias)) => match client.remote_image(name, alias) {
                Ok(_) => remote = remote.or(Some(image.to_string())),
                Err(error) => return Check::failure("image", words(&error), "see `incus remote list`"),
            },
            None => match client.image_alias(image).await {
                Ok(Some(fingerprint)) => {
                    let short: String = fingerprint.chars().take(12).collect();
                    return Check::ok("image", format!("{} is on the server ({short})", **image));
                }
                Ok(None) => {}
                Err(error) => return Check::failure("image", words(&error), "see `incus image list`"),
            },
        }
    }
    let wanted: Vec<&str> = topology.image.iter().map(|image| image.as_str()).collect();
    match remote {
        Some(remote) => Check::warning(
            "image",
            format!("the server has none; it will fetch {remote}"),
            format!("it must reach that remote; `incus image copy {remote} local: --alias debian/12` fetches it once"),
        ),
        None => Check::failure(
            "image",
            format!("the server has no image called {}", wanted.join(" or ")),
            "see `incus image list`; import one, or name another under `image:`",
        ),
    }
}

async fn network(client: &Client, topology: &Topology) -> Check {
    let (name, wanted) = (topology.network.name.as_str(), topology.network.ipv4.to_string());
    match client.network(name).await {
        Err(error) if error.is_not_found() => {
            Check::ok("network", format!("{name} is not there; `distctl up` makes it"))
        }
        Err(error) => Check::failure("network", words(&error), "see `incus network list`"),
        Ok(found) if !found.managed => {
            let text = format!("{name} is an interface of the host that Incus does not manage");
            Check::failure("network", text, "name another network in the topology")
        }
        Ok(found) => match found.config.get("ipv4.address") {
            Some(address) if *address == wanted => {
                Check::ok("network", format!("{name}: {wanted}, used by {}", found.used_by.len()))
            }
            other => {
                let has = other.map_or("no address", String::as_str);
                Check::warning("network", format!("{name} has {has}, not {wanted}"), "see `distctl plan`")
            }
        },
    }
}

/// What the daemon warns of: limits that it can't hold to, and whatever it calls more than low.
async fn warnings(client: &Client, topology: Option<&Topology>) -> Vec<Check> {
    let warnings = match client.warnings().await {
        Ok(warnings) => warnings,
        // Only who may administer the daemon is told.
        Err(error) if error.is_forbidden() || error.is_not_found() => return Vec::new(),
        Err(error) => return vec![Check::warning("warnings", words(&error), "see `incus warning list`")],
    };
    let mut checks = vec![limits(&warnings, topology)];
    let others = warnings.iter().filter(|warning| warning.status != "resolved" && warning.severity != "low");
    checks.extend(others.map(|warning| {
        let text = format!("{}: {}", warning.type_, warning.last_message);
        Check::warning("warnings", text, "see `incus warning list`")
    }));
    checks
}

fn limits(warnings: &[Warning], topology: Option<&Topology>) -> Check {
    let current = |text: &str| warnings.iter().any(|one| one.status != "resolved" && one.type_.contains(text));
    let ignored: Vec<&str> = LIMITS.iter().filter(|(_, text)| current(text)).map(|(name, _)| *name).collect();
    let is_declared = |name: &&&str| topology.is_none_or(|topology| declares(topology, name));
    let matters: Vec<&str> = ignored.iter().filter(is_declared).copied().collect();
    match (matters.is_empty(), ignored.is_empty()) {
        (_, true) => Check::ok("limits", "the host has the cgroup controllers for memory, cpu and processes"),
        (true, false) => {
            Check::ok("limits", format!("{} could not be limited; the topology does not", ignored.join(", ")))
        }
        (false, _) => Check::warning(
            "limits",
            format!("limits of {} are ignored: the host lacks the cgroup controllers", matters.join(", ")),
            "fine for a trial; for more, let the host have cgroup2 with these controllers",
        ),
    }
}

fn declares(topology: &Topology, limit: &str) -> bool {
    topology.containers.iter().any(|(_, container)| match limit {
        "memory" => container.limits.memory.is_some(),
        "cpu" => container.limits.cpu.is_some(),
        _ => container.limits.processes.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::report::doctor::Verdict;

    fn topology(limits: &str) -> Topology {
        let text = format!(
            "name: shop\nnetwork: {{ name: shop0, ipv4: 10.9.0.1/24 }}\ncontainers: {{ web: {{ ipv4: 10.9.0.10, limits: {{ {limits} }} }} }}\n"
        );
        crate::topology::parse(&text, Path::new("topology.yaml")).unwrap()
    }

    fn warning(status: &str) -> Warning {
        let type_ = "Couldn't find the CGroup memory controller".to_string();
        Warning { type_, status: status.to_string(), ..Warning::default() }
    }

    #[test]
    fn a_limit_that_is_not_held_to_matters_where_it_is_declared() {
        let warnings = [warning("new")];
        assert_eq!(limits(&warnings, Some(&topology("memory: 1GiB"))).verdict, Verdict::Warning);
        assert_eq!(limits(&warnings, Some(&topology("cpu: 1"))).verdict, Verdict::Ok);
        assert_eq!(limits(&warnings, None).verdict, Verdict::Warning);
        assert_eq!(limits(&[warning("resolved")], Some(&topology("memory: 1GiB"))).verdict, Verdict::Ok);
    }
}
