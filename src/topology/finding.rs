//! What is wrong with a file, or risky in it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::span::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is touched until it is mended.
    Error,
    /// Allowed, but worth knowing.
    Warning,
}

/// One thing that is wrong or risky.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a sentence.
    pub message: String,
    /// The offending part; `None` where it is about the file as a whole.
    pub span: Option<Span>,
    /// The key that it stands under: `mongodb.replica_sets.rsA.members[0].port`. Empty for the file as a whole.
    pub path: String,
    /// What to write instead, or to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Other places that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
}

/// Another place that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Also {
    /// The place.
    pub span: Span,
    /// What is there, in a few words.
    pub label: String,
}

impl Finding {
    fn new(severity: Severity, span: Option<Span>, message: String) -> Self {
        let span = span.filter(|span| span.line > 0);
        Self { severity, message, span, path: String::new(), instead: None, also: Vec::new() }
    }

    /// Says what to write or to do instead.
    pub(crate) fn instead(&mut self, text: impl Into<String>) -> &mut Self {
        self.instead = Some(text.into());
        self
    }

    /// Points at another place.
    pub(crate) fn also(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.also.push(Also { span, label: label.into() });
        self
    }
}

/// Takes findings while a file is read and checked.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    list: Vec<Finding>,
}

impl Notes {
    /// Adds an error.
    pub(crate) fn error(&mut self, span: impl Into<Option<Span>>, message: impl Into<String>) -> &mut Finding {
        self.add(Finding::new(Severity::Error, span.into(), message.into()))
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, span: impl Into<Option<Span>>, message: impl Into<String>) -> &mut Finding {
        self.add(Finding::new(Severity::Warning, span.into(), message.into()))
    }

    fn add(&mut self, finding: Finding) -> &mut Finding {
        let at = self.list.len();
        self.list.push(finding);
        &mut self.list[at]
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.list.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Whether something is noted at this very place.
    pub(crate) fn has(&self, span: Span) -> bool {
        self.list.iter().any(|finding| finding.span == Some(span))
    }

    /// All findings in the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| (finding.span.map(|span| (span.start, span.end)), finding.severity));
        self.list
    }
}

/// All that was found in one file, in the order of the file.
#[derive(Debug, Clone)]
pub struct Findings {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Its text; empty where it could not be read.
    pub source: Arc<str>,
    /// The findings.
    pub list: Vec<Finding>,
}

impl Findings {
    /// Whether anything must be mended before something can be done.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Whether there is anything that is allowed but worth knowing.
    pub fn has_warnings(&self) -> bool {
        self.warnings() > 0
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|finding| finding.severity == severity).count()
    }
}

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Findings", 4)?;
        object.serialize_field("file", &self.file.display().to_string())?;
        object.serialize_field("errors", &self.errors())?;
        object.serialize_field("warnings", &self.warnings())?;
        object.serialize_field("findings", &self.list)?;
        object.end()
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Findings {}
