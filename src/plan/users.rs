//! The users of a set or a single mongod: what differs from what is declared.

use protocol::{Access as Seen, Credential, LoginSeen, Mongod, Role, UserSpec};

use super::order::Draft;
use super::{Action, Cause, Change, Effect};
use crate::desired::Access;

/// Why users must be written, if they must; what writing them can't mend is a finding.
pub(super) fn cause(draft: &mut Draft<'_>, owner: &str, access: &Access, seen: &Mongod) -> Option<Cause> {
    let admin = seen.logins.get(&access.admin.user);
    let mut changes = Vec::new();
    match &seen.access {
        Seen::NoUsers => return Some(Cause::Missing),
        // The administrator can set the agent's password again, where it is let in itself.
        Seen::Refused(_) if admin == Some(&LoginSeen::Taken) => changes.push(set_again(&access.agent)),
        Seen::Refused(why) if admin.is_none() => {
            locked_out(draft, owner, access, why);
            return None;
        }
        Seen::Refused(_) => {}
        Seen::Granted => {
            let Some(users) = seen.users.as_ref() else {
                let hint = "look at its log with `distctl logs`, then run `distctl plan` again";
                draft.find(format!("users of {owner}"), "mongod does not show its users", hint);
                return None;
            };
            let role = |user: &UserSpec| change(user, users.get(&format!("admin.{}", user.credential.user)));
            changes.extend(access.users.iter().filter_map(role));
        }
    }
    for user in &access.users {
        let known = changes.iter().any(|change| change.field == field(&user.credential));
        changes.extend(if known { None } else { refused(draft, owner, &user.credential, seen) });
    }
    if let Some(LoginSeen::Refused(why)) = admin
        && !is_written(draft, &access.admin)
    {
        admin_refused(draft, owner, access, why);
        return None;
    }
    (!changes.is_empty()).then_some(Cause::Changed(changes))
}

/// A password that was refused is set again; whether it was refused must be known.
fn refused(draft: &mut Draft<'_>, owner: &str, credential: &Credential, seen: &Mongod) -> Option<Change> {
    let tried = seen.logins.get(&credential.user)?;
    if *tried == LoginSeen::Taken {
        return None;
    }
    if is_written(draft, credential) {
        // What was tried is not what will be there.
        draft.plan.look_again = true;
        return None;
    }
    if let LoginSeen::Unknown(why) = tried {
        let message = format!("whether the password of {} is taken can't be told: {why}", credential.user);
        draft.find(format!("users of {owner}"), message, "run `distctl plan` again");
        return None;
    }
    Some(set_again(credential))
}

/// Whether this plan writes the file that holds a password.
fn is_written(draft: &Draft<'_>, credential: &Credential) -> bool {
    draft.plan.steps.iter().any(
        |step| matches!(&step.action, Action::WriteFiles { files, .. } if files.contains_key(&credential.password_file)),
    )
}

fn field(credential: &Credential) -> String {
    format!("user {}", credential.user)
}

fn set_again(credential: &Credential) -> Change {
    let (from, to) = ("password refused".to_owned(), "set again".to_owned());
    Change { field: field(credential), from, to, effect: Effect::Live }
}

fn admin_refused(draft: &mut Draft<'_>, owner: &str, access: &Access, why: &str) {
    let Credential { user, password_file } = &access.admin;
    draft.find(
        format!("users of {owner}"),
        format!("mongod refuses the password of {user} that is kept in {password_file}: {why}"),
        format!(
            "log in as {user} with the password that it has now, and give it the one of that file: \
             db.getSiblingDB(\"admin\").changeUserPassword(\"{user}\", ...)"
        ),
    );
}

fn locked_out(draft: &mut Draft<'_>, owner: &str, access: &Access, why: &str) {
    draft.find(
        format!("users of {owner}"),
        format!("mongod refuses the user {}: {why}", access.agent.user),
        format!(
            "compare the password in {} with the user in the database `admin`, or restore that user with the \
             administrator's password in {}",
            access.agent.password_file, access.admin.password_file
        ),
    );
}

fn change(wanted: &UserSpec, seen: Option<&Vec<Role>>) -> Option<Change> {
    let sorted = |roles: &[Role]| {
        let mut names: Vec<_> = roles.iter().map(|role| format!("{}@{}", role.role, role.db)).collect();
        names.sort();
        names.join(" ")
    };
    let to = sorted(&wanted.roles);
    let from = seen.map_or("missing".to_string(), |roles| sorted(roles));
    (from != to).then_some(Change { field: field(&wanted.credential), from, to, effect: Effect::Live })
}
