//! The users of a set or a single mongod: what differs from what is declared.

use protocol::{Access as Seen, Role, UserSpec};

use super::order::Draft;
use super::{Cause, Change, Effect};
use crate::desired::Access;

/// Why users must be written, if they must; a refused credential is a finding.
pub(super) fn cause(
    draft: &mut Draft<'_>,
    owner: &str,
    access: &Access,
    seen: &protocol::Mongod,
) -> Option<Cause> {
    match &seen.access {
        Seen::NoUsers => Some(Cause::Missing),
        Seen::Refused(why) => {
            draft.find(
                format!("users of {owner}"),
                format!("mongod refuses the user {}: {why}", access.agent.user),
                format!(
                    "compare the password in {} with the user in the database `admin`, or restore that user with the \
                     administrator's password in {}",
                    access.agent.password_file, access.admin.password_file
                ),
            );
            None
        }
        Seen::Granted => {
            let users = seen.users.as_ref()?;
            let changes: Vec<_> = access
                .users
                .iter()
                .filter_map(|wanted| change(wanted, users.get(&format!("admin.{}", wanted.credential.user))))
                .collect();
            (!changes.is_empty()).then_some(Cause::Changed(changes))
        }
    }
}

fn change(wanted: &UserSpec, seen: Option<&Vec<Role>>) -> Option<Change> {
    let sorted = |roles: &[Role]| {
        let mut names: Vec<_> = roles.iter().map(|role| format!("{}@{}", role.role, role.db)).collect();
        names.sort();
        names.join(" ")
    };
    let to = sorted(&wanted.roles);
    let from = seen.map_or("missing".to_string(), |roles| sorted(roles));
    let field = format!("user {}", wanted.credential.user);
    (from != to).then_some(Change { field, from, to, effect: Effect::Live })
}
