//! Installing Debian packages.

use protocol::{Failure, InstallPackagesRequest};

use crate::call::progress;
use crate::inspect::packages::versions;
use crate::run::{Ran, run};

/// How many of apt's last lines explain a failure.
const LINES: usize = 12;

/// Installs those of the asked packages that are missing. Lists of packages are fetched only if apt can't do without.
pub async fn install(request: &InstallPackagesRequest) -> Result<(), Failure> {
    let missing = missing(&request.packages);
    if missing.is_empty() {
        return Ok(());
    }
    progress(format!("installing {}", missing.join(", ")));
    if apt_install(&missing).await?.ok {
        return confirm(&missing);
    }
    progress("fetching lists of packages");
    let updated = apt_get(&["update", "-qq"]).await?;
    let installed = apt_install(&missing).await?;
    if installed.ok {
        return confirm(&missing);
    }
    // An update that reached no mirror is only warned of; the installation then fails for want of lists.
    Err(explain(&missing, &[updated.errors, installed.errors].concat()))
}

fn missing(packages: &[String]) -> Vec<String> {
    let installed = versions(packages);
    packages.iter().filter(|name| !installed.contains_key(*name)).cloned().collect()
}

async fn apt_install(packages: &[String]) -> Result<Ran, Failure> {
    let mut arguments = vec!["install", "--yes", "-qq", "--no-install-recommends", "--"];
    arguments.extend(packages.iter().map(String::as_str));
    apt_get(&arguments).await
}

/// A lock that another apt holds is waited for.
async fn apt_get(arguments: &[&str]) -> Result<Ran, Failure> {
    let mut all = vec!["-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::Retries=2"];
    all.extend(arguments);
    run("apt-get", &all).await
}

/// A virtual package is installed by another of another name, and would be asked for again and again.
fn confirm(packages: &[String]) -> Result<(), Failure> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("packages {}", missing.join(", ")), "apt has installed others in their stead")
        .with_hint("name the packages themselves: virtual ones can't be checked"))
}

fn explain(packages: &[String], errors: &[String]) -> Failure {
    let said = errors.join("\n");
    let hint = if said.contains("Failed to fetch") || said.contains("Could not resolve") {
        "the guest does not reach its package mirror: give the bridge a way out (NAT, a proxy), or use an image that \
         has the packages"
    } else if said.contains("Unable to locate package") {
        "check the names, and that the guest's apt sources have them"
    } else if said.contains("dpkg --configure -a") {
        "an earlier installation was interrupted: run `dpkg --configure -a` in the container"
    } else if said.contains("lock") {
        "another apt is at work in the container: try again when it is done"
    } else {
        "run `apt-get install` with these names in the container to see all of it"
    };
    let last = errors.last().map_or("it gave no reason", String::as_str);
    Failure::new(format!("packages {}", packages.join(", ")), format!("apt can't install them: {last}"))
        .with_log(errors[errors.len().saturating_sub(LINES)..].to_vec())
        .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_explains_itself() {
        let last = "E: Unable to locate package mongodb-org".to_owned();
        let mut errors: Vec<String> = (0..40).map(|n| format!("line {n}")).chain([last]).collect();
        let failure = explain(&["mongodb-org".into()], &errors);
        assert_eq!(failure.log.len(), LINES);
        assert!(failure.cause.ends_with("Unable to locate package mongodb-org"));
        assert!(failure.hint.unwrap().starts_with("check the names"));

        errors[0] = "W: Failed to fetch http://mirror/dists/bookworm/InRelease".into();
        assert!(explain(&["mongodb-org".into()], &errors).hint.unwrap().contains("does not reach its package mirror"));
    }
}
