//! Logs of mongods are bounded: a timer in each container has the agent put large ones aside.

use tera::Context;

use super::container::root_file;
use super::expand::Work;
use super::template::{ROTATE_SERVICE, ROTATE_TIMER};
use super::{Container, Content, Unit};

/// The unit that is enabled.
pub(super) const TIMER: &str = "distctl-rotate.timer";

/// What the timer starts.
const SERVICE: &str = "distctl-rotate.service";

/// Adds the timer to a container that has all its mongods.
///
/// # Errors
/// A template that can't be filled.
pub(super) fn add(container: &mut Container, work: &Work<'_>) -> Result<(), String> {
    let logs = container.units.iter().filter_map(|(unit, one)| Some(format!("{unit}={}", one.log.as_ref()?)));
    let logs: Vec<String> = logs.collect();
    if logs.is_empty() {
        return Ok(());
    }
    let mut context = Context::new();
    context.insert("agent", &work.agent.installed_path());
    context.insert("logs", &logs.join(" "));
    for (unit, template) in [(SERVICE, ROTATE_SERVICE), (TIMER, ROTATE_TIMER)] {
        let text = work.templates.render(template, &context)?;
        let file = root_file(0o644, Content::Bytes(text.into_bytes()));
        container.files.insert(format!("/etc/systemd/system/{unit}"), file);
    }
    container.units.insert(TIMER.to_owned(), Unit { revision: None, reads: Vec::new(), log: None });
    Ok(())
}
