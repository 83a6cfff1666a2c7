//! A user, as the database has it.

use std::fmt;

use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and deletes users as well.
    Admin,
    /// Everybody else; also who has a role that is not known here.
    #[serde(other)]
    User,
}

impl Role {
    /// As it is written in tokens and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

/// A document of the collection `users`.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// Unique, whatever its case.
    pub username: String,
    /// Unique, in lower case.
    pub email: String,
    /// The password's bcrypt hash.
    pub password: String,
    /// What the user may do.
    pub role: Role,
    /// When the user was made.
    pub created_at: DateTime,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("username", &self.username).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A user as others see it: never with the hash.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The name.
    pub username: String,
    /// The address, if there is one.
    pub email: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// When the user was made.
    pub created_at: Option<DateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_unknown_roles_for_plain_users() {
        assert_eq!(serde_json::from_str::<Role>("\"admin\"").unwrap(), Role::Admin);
        assert_eq!(serde_json::from_str::<Role>("\"root\"").unwrap(), Role::User);
        for role in [Role::Admin, Role::User] {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }

    #[test]
    fn does_not_show_the_hash() {
        let password = "$2b$12$abc".to_owned();
        let user = User {
            username: "ana".into(),
            email: "a@b.c".into(),
            password,
            role: Role::User,
            created_at: DateTime::MIN,
        };
        assert_eq!(format!("{user:?}"), r#"User { username: "ana", role: User, .. }"#);
    }
}
