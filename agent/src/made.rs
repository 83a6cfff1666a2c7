//! Products that distctl makes through a service. They are written down, so that no other product is ever deleted.
//!
//! The name of each ends with a mark that is drawn for the occasion and that nobody else knows. The mark is on the disk
//! before the first product is asked for, and the identity of each product as soon as the service has told it. A list
//! that a service gives is never believed: before a product is deleted, it is read by its identity, and identity and mark
//! must be those that were written down.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use hyper::{Method, StatusCode};
use protocol::{AppTarget, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use crate::deadline::{Deadline, SOON};
use crate::mongo::connect::Login;
use crate::visitor::{Denied, Visitor, said};

/// How many products one page of a list has.
const PAGE: u32 = 5_000;

/// How many products of others a list may show before it is clear that it is no answer to what was asked.
const FOREIGN: u64 = 10_000;

/// How many products of others are named.
const NAMED: usize = 3;

/// How many products are removed at once.
const REMOVALS: usize = 16;

/// How long one request may take: web-server waits out an election itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a file begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// The service, and as whom to log in there.
    pub target: AppTarget,
    /// What the names of all products end with.
    pub mark: String,
    /// The query that makes a list show them.
    pub search: String,
}

impl Occasion {
    /// Draws a mark that begins with `label`.
    pub fn new(target: AppTarget, label: &str, search: String) -> Self {
        Self { target, mark: format!("{label} {:016x}", rand::random::<u64>()), search }
    }

    /// Reads the occasion of a file; `None` where nothing was made, for the file is not there or its first line is not
    /// whole.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut line = String::new();
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            file => _ = BufReader::new(file?).read_line(&mut line)?,
        }
        line.strip_suffix('\n').map(|line| serde_json::from_str(line).map_err(io::Error::other)).transpose()
    }

    /// The name without the mark, if a product bears the mark.
    pub fn own<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.trim().strip_suffix(&*self.mark).map(str::trim)
    }
}

/// A file that grows with each product that is made.
#[derive(Debug)]
pub struct Made(RefCell<File>);

impl Made {
    /// Begins a file. The occasion is on the disk when this returns.
    pub fn begin(path: &Path, occasion: &Occasion) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = File::options().append(true).create_new(true).mode(0o600).open(path)?;
        file.write_all((serde_json::to_string(occasion)? + "\n").as_bytes())?;
        file.sync_all()?;
        Ok(Self(RefCell::new(file)))
    }

    /// Adds a product by the identity that the service gave it. One that can't be written is still known by its mark.
    pub fn add(&self, id: &str) {
        if is_identity(id) {
            let _ = self.0.borrow_mut().write_all(format!("{id}\n").as_bytes());
        }
    }
}

/// Whether a text can stand in the path of a request.
fn is_identity(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_alphanumeric() || b"-_".contains(&one))
}

/// The identity of a product in an answer.
pub fn identity(product: &Value) -> Option<&str> {
    product["_id"].as_str().filter(|id| is_identity(id))
}

/// What a list of products shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Products that bear the mark: the name without it, by identity.
    pub own: BTreeMap<String, String>,
    /// How many others there are.
    pub foreign: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

impl Listed {
    fn take(&mut self, product: &Value, occasion: &Occasion) {
        let name = product["name"].as_str().unwrap_or_default();
        match (identity(product), occasion.own(name)) {
            (Some(id), Some(name)) => _ = self.own.insert(id.to_owned(), name.to_owned()),
            (id, _) => {
                self.foreign += 1;
                if self.examples.len() < NAMED {
                    self.examples.push(format!("{name:?} ({})", id.unwrap_or("without identity")));
                }
            }
        }
    }
}

/// Lists products. What others made is counted: a service may ignore what it is asked for.
pub async fn list(visitor: &Visitor, occasion: &Occasion) -> Result<Listed, String> {
    let (mut listed, mut seen, mut cursor) = (Listed::default(), BTreeSet::new(), String::new());
    loop {
        let path = format!("/products?{}&limit={PAGE}&cursor={cursor}", occasion.search);
        let (status, page) = ask(visitor, Method::GET, &path).await?;
        let products = page["products"].as_array().filter(|_| status == StatusCode::OK);
        let products = products.ok_or_else(|| format!("does not list products: {}", said(status, &page)))?;
        if let Some(missing) = page["missing"].as_array().filter(|missing| !missing.is_empty()) {
            return Err(format!("does not reach {}", Value::from(missing.clone())));
        }
        products.iter().for_each(|product| listed.take(product, occasion));
        match page["next_cursor"].as_str() {
            // A service that ignores the cursor gives the same page for ever.
            Some(next) if listed.foreign <= FOREIGN && seen.insert(next.to_owned()) => cursor = next.to_owned(),
            _ => return Ok(listed),
        }
    }
}

async fn ask(visitor: &Visitor, method: Method, path: &str) -> Result<(StatusCode, Value), String> {
    timeout(PATIENCE, visitor.ask(method, path, None)).await.unwrap_or_else(|_| Err("gives no answer".to_owned()))
}

/// Logs in, again and again while the service is away.
pub async fn log_in(target: &AppTarget, deadline: Deadline) -> Result<Visitor, Failure> {
    let login = Login::read(&target.credential)?;
    let object = || format!("web-server at {}", target.host);
    loop {
        let denied = match timeout(PATIENCE, Visitor::log_in(&target.host, &login)).await {
            Ok(Ok(visitor)) => return Ok(visitor),
            Ok(Err(denied)) => denied,
            Err(_) => Denied::Yet("gives no answer".to_owned()),
        };
        match denied {
            Denied::Ever(why) => {
                return Err(Failure::new(object(), why).with_hint("has the password been changed on its page?"));
            }
            Denied::Yet(why) if !deadline.pause(SOON).await => {
                return Err(Failure::new(object(), format!("nobody can log in: it {why}")));
            }
            Denied::Yet(_) => {}
        }
    }
}

/// Removes all products that a file tells of, and then the file. A file that is not there is no error.
pub async fn remove(path: &Path, deadline: Deadline) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(path.to_string_lossy(), format!("can't be read or removed: {error}"));
    if let Some(written) = Written::read(path).map_err(failed)? {
        let visitor = log_in(&written.occasion.target, deadline).await?;
        while let Err(why) = written.remove(&visitor).await {
            if !deadline.pause(SOON).await {
                let object = format!("products named `... {}`", written.occasion.mark);
                return Err(Failure::new(object, format!("are left: the service at {} {why}", visitor.host))
                    .with_hint("bring the service up with `distctl up`, then run `distctl heal`"));
            }
        }
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

/// A file, read.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    occasion: Occasion,
    ids: BTreeSet<String>,
}

impl Written {
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        // What breaks off was not asked for yet, or is known by its mark.
        let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let Some(occasion) = lines.next() else { return Ok(None) };
        let occasion = serde_json::from_str(occasion).map_err(io::Error::other)?;
        Ok(Some(Self { occasion, ids: lines.filter(|id| is_identity(id)).map(str::to_owned).collect() }))
    }

    async fn remove(&self, visitor: &Visitor) -> Result<(), String> {
        // A request that nobody answered may have made a product all the same.
        let listed = list(visitor, &self.occasion).await?;
        let ids: BTreeSet<&String> = self.ids.iter().chain(listed.own.keys()).collect();
        let removals = futures_util::stream::iter(ids).map(|id| self.remove_one(visitor, id));
        let ended: Vec<Result<(), String>> = removals.buffer_unordered(REMOVALS).collect().await;
        ended.into_iter().collect::<Result<(), String>>()?;
        match list(visitor, &self.occasion).await?.own.len() {
            0 => Ok(()),
            left => Err(format!("still lists {left} of them")),
        }
    }

    /// Deletes a product if it is what was written down.
    async fn remove_one(&self, visitor: &Visitor, id: &str) -> Result<(), String> {
        let path = format!("/products/{id}");
        let (status, answer) = ask(visitor, Method::GET, &path).await?;
        let product = if answer["product"].is_object() { &answer["product"] } else { &answer };
        let is_own = product["name"].as_str().is_some_and(|name| self.occasion.own(name).is_some());
        match status {
            // Somebody else has deleted it.
            StatusCode::NOT_FOUND => return Ok(()),
            StatusCode::OK if identity(product) == Some(id) && is_own => {}
            StatusCode::OK => return Err(format!("shows another product at {path}, so that one is left alone")),
            status => return Err(format!("does not show {path}: {}", said(status, &answer))),
        }
        let (status, answer) = ask(visitor, Method::DELETE, &path).await?;
        match status {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            status => Err(format!("does not delete {path}: {}", said(status, &answer))),
        }
    }
}

#[cfg(test)]
mod tests;
