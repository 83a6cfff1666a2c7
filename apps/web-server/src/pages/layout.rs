//! What surrounds every page.

use crate::auth::Identity;

use super::assets;

/// What surrounds every page: its title, who is logged in, what there is to tell.
#[derive(Debug)]
pub struct Layout {
    /// What the page is.
    pub title: &'static str,
    /// The path of the page, as the navigation has it.
    pub here: &'static str,
    /// Who is logged in.
    pub user: Option<String>,
    /// Guards the forms of the page.
    pub csrf: String,
    /// What there is to tell, most important first.
    pub notices: Vec<Notice>,
}

/// A message at the top of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `ok`, `warning` or `error`.
    pub kind: &'static str,
    /// What it says.
    pub text: String,
}

impl Notice {
    /// Something went well.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { kind: "ok", text: text.into() }
    }

    /// Something is not as it should be, and the page works all the same.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { kind: "warning", text: text.into() }
    }

    /// Something did not work.
    pub fn error(text: impl Into<String>) -> Self {
        Self { kind: "error", text: text.into() }
    }
}

impl Layout {
    /// A page of somebody who is logged in.
    pub fn of(identity: &Identity, csrf: String, title: &'static str, here: &'static str) -> Self {
        Self { title, here, user: Some(identity.username.clone()), csrf, notices: Vec::new() }
    }

    /// A page that anybody may see.
    pub fn outside(title: &'static str) -> Self {
        Self { title, here: "", user: None, csrf: String::new(), notices: Vec::new() }
    }

    /// The page with one more notice.
    #[must_use]
    pub fn with(mut self, notice: impl Into<Option<Notice>>) -> Self {
        self.notices.extend(notice.into());
        self
    }

    /// The style sheet's address.
    pub fn css(&self) -> &'static str {
        assets::CSS.address()
    }

    /// The script's address.
    pub fn js(&self) -> &'static str {
        assets::JS.address()
    }

    /// The icon's address.
    pub fn icon(&self) -> &'static str {
        assets::ICON.address()
    }

    /// What tells screen readers where one is.
    pub fn current(&self, path: &str) -> &'static str {
        if self.here == path { "page" } else { "false" }
    }
}
