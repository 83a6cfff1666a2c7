//! A mongod whose clock is wrong, where its unit runs it under libfaketime.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use protocol::{Failure, FaultMember};

use super::process;
use crate::deadline::{Deadline, SOON};
use crate::mongo::connect::Error;
use crate::mongo::hello;
use crate::run::run;

/// How wrong.
const OFF_BY: &str = "+1h";

/// Not at all.
const RIGHT: &str = "+0";

/// From where on a clock is wrong: far from both what is right and what [`OFF_BY`] makes of it.
const WRONG: Duration = Duration::from_secs(30 * 60);

/// How long a mongod may take to notice, in milliseconds. libfaketime looks into its file every 10 s unless it is told
/// otherwise.
const NOTICING_MS: u64 = 15_000;

/// The variables that name libfaketime, and its file.
const PRELOAD: &str = "LD_PRELOAD";
const FILE: &str = "FAKETIME_TIMESTAMP_FILE";

/// Where libfaketime reads what time it is; fails where the mongod does not run under it.
pub async fn check(member: &FaultMember) -> Result<String, Failure> {
    let variables = of_process(member).await?.ok_or_else(|| refused(member, "it does not run"))?;
    match (value(&variables, PRELOAD), value(&variables, FILE)) {
        (Some(preload), Some(file)) if preload.contains("libfaketime") => Ok(file),
        (Some(preload), _) if preload.contains("libfaketime") => {
            Err(refused(member, "FAKETIME_TIMESTAMP_FILE is not set"))
        }
        _ => Err(refused(member, "it does not run under libfaketime")),
    }
}

fn refused(member: &FaultMember, why: &str) -> Failure {
    Failure::new(&member.unit, format!("its clock can't be changed alone: {why}")).with_hint(
        "containers share the host's clock; run the mongod under libfaketime with a drop-in of its unit \
         (docs/failover.md has its text), or choose other faults with --fault",
    )
}

/// Sets the clock, waits until the mongod has it, and says by how much.
pub async fn set(member: &FaultMember) -> Result<String, Failure> {
    write(&check(member).await?, OFF_BY)?;
    match is_followed(member).await {
        Ok(true) => Ok(format!("{OFF_BY} (libfaketime)")),
        Ok(false) => Err(refused(member, &format!("it does not follow its file within {NOTICING_MS} ms"))),
        Err(error) => Err(Failure::new(&member.host, format!("can't be asked what time it is: {error}"))),
    }
}

/// Sets the clock right while the mongod is stopped. One whose clock goes back while it runs has threads that wait until a
/// moment which is an hour away then: nobody can copy from it meanwhile.
pub async fn reset(member: &FaultMember) -> Result<(), Failure> {
    if let Some(file) = file(member).await?
        && fs::read_to_string(&file).is_ok_and(|text| text.trim() != RIGHT)
    {
        process::stop(member).await?;
        write(&file, RIGHT)?;
    }
    process::start(member).await
}

/// libfaketime's file, from the process, or where there is none, from what its unit would give it.
async fn file(member: &FaultMember) -> Result<Option<String>, Failure> {
    if let Some(variables) = of_process(member).await? {
        return Ok(value(&variables, FILE));
    }
    let ran = run("systemctl", &["show", "--property=Environment", "--value", &member.unit]).await?;
    Ok(value(&ran.out.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), FILE))
}

/// The variables of the main process, if it runs.
async fn of_process(member: &FaultMember) -> Result<Option<Vec<String>>, Failure> {
    let ran = run("systemctl", &["show", "--property=MainPID", "--value", &member.unit]).await?;
    let variables = fs::read(format!("/proc/{}/environ", ran.out.trim())).ok();
    Ok(variables.map(|bytes| String::from_utf8_lossy(&bytes).split('\0').map(str::to_owned).collect()))
}

fn value(variables: &[String], name: &str) -> Option<String> {
    variables.iter().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// Waits until the clock is wrong; `false` if it isn't in time, an error where the mongod gives no answer.
async fn is_followed(member: &FaultMember) -> Result<bool, Error> {
    let deadline = Deadline::after_ms(NOTICING_MS);
    loop {
        let asked = off_by(member).await;
        if asked.as_ref().is_ok_and(|off| *off > WRONG) {
            return Ok(true);
        }
        if !deadline.pause(SOON).await {
            return asked.map(|_| false);
        }
    }
}

/// How far its clock is from this one, which nobody changes.
async fn off_by(member: &FaultMember) -> Result<Duration, Error> {
    let hello = hello::of(&member.host).await?;
    let told = hello.local_time.ok_or_else(|| Error::Network("does not tell".into()))?;
    Ok(Duration::from_millis(told.timestamp_millis().abs_diff(crate::clock::now().wall_ms)))
}

/// Writes the file whole: libfaketime ends a process that finds half of a time in it.
fn write(file: &str, text: &str) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let beside = Path::new(file).with_extension("new");
        fs::write(&beside, format!("{text}\n"))?;
        fs::set_permissions(&beside, Permissions::from_mode(0o644))?;
        fs::rename(&beside, file)
    };
    write().map_err(|error| Failure::new(file, format!("can't be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let variables = ["LD_PRELOAD_X=a", "FAKETIME_TIMESTAMP_FILE=/x=y", ""].map(str::to_owned);
        assert_eq!(value(&variables, PRELOAD), None);
        assert_eq!(value(&variables, FILE).as_deref(), Some("/x=y"));
    }

    #[test]
    fn the_file_is_whole_and_everybody_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("time");
        write(path.to_str().unwrap(), "+1h").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "+1h\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
