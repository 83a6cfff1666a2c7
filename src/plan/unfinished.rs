//! Imports that were not finished: what is missing of one must not be made empty.

use super::Options;
use super::order::Draft;
use crate::desired::BUNDLE_KEY;
use crate::observed::Part;

/// Refuses to plan anything for a system that an import has begun to make, but for that import itself. `false` where it
/// was refused.
pub(super) fn is_none(draft: &mut Draft<'_>, options: &Options) -> bool {
    let (desired, observed) = (draft.desired, draft.observed);
    let own = options.import.as_deref();
    let marks = desired.containers.keys().filter_map(|name| {
        let mark = observed.containers.get(name)?.seen()?.config.get(BUNDLE_KEY)?;
        let id = import_of(mark).filter(|id| Some(*id) != own)?;
        Some((name.as_str(), id))
    });
    let marked: Vec<(&str, &str)> = marks.collect();
    let begun = observed.import.as_ref().filter(|begun| Some(begun.id.as_str()) != own);
    if let Some((_, id)) = marked.first() {
        let names: Vec<&str> = marked.iter().map(|(name, _)| *name).collect();
        let resume = begun.filter(|begun| begun.id == *id).map_or_else(
            || "go on with it: the `distctl import` command that began it, with `--resume`".to_owned(),
            |begun| format!("go on with it: `{}`", begun.resume),
        );
        draft.refuse(
            object(&names),
            format!(
                "{} of an import of the bundle {id} that was not finished",
                if names.len() == 1 { "is" } else { "are" }
            ),
            resume,
        );
        return false;
    }
    let is_missing = |name: &&String| matches!(observed.containers.get(*name), None | Some(Part::Absent));
    let missing: Vec<&str> = desired.containers.keys().filter(is_missing).map(String::as_str).collect();
    match begun {
        Some(begun) if !missing.is_empty() => {
            draft.refuse(
                object(&missing),
                "would be made empty: an import into this folder was not finished",
                format!("go on with it: `{}`", begun.resume),
            );
            false
        }
        _ => true,
    }
}

/// The bundle whose import has not yet done all with a container of this mark. One that came out of a bundle and has
/// nothing of its own yet still has the mark of the export.
fn import_of(mark: &str) -> Option<&str> {
    let mut words = mark.split(' ');
    let verb = words.next()?;
    ["import", "export"].contains(&verb).then(|| words.next_back()).flatten()
}

fn object(names: &[&str]) -> String {
    match names {
        [one] => format!("container {one}"),
        several => format!("containers {}", several.join(", ")),
    }
}
