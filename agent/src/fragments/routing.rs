//! Asking a running service over HTTP where it puts products.
//!
//! What is created is written down and deleted again, whatever happens in between; what a probe left that was killed is
//! deleted by the next one. The password is read here and goes nowhere but to the service.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use mongodb::bson::Bson;
use mongodb::bson::oid::ObjectId;
use protocol::{AppTarget, Failure, Id, Routed, RoutedProduct, RoutingRequest};
use serde_json::json;

use super::document::write_id;
use crate::deadline::Deadline;
use crate::made::{self, Made, Occasion, identity};
use crate::mongo::connect::Login;
use crate::visitor::{Denied, Visitor, said};

/// What probes made, a file for each.
const PROBES: &str = "/var/lib/distctl/probes";

/// Creates products, or deletes those of earlier probes.
pub async fn probe(request: &RoutingRequest) -> Result<Routed, Failure> {
    let failed = |why: String| Failure::new(format!("the service at {}", request.host), why);
    let login = Login::read(&request.login)?;
    let limit = Duration::from_millis(request.timeout_ms);
    let deadline = Deadline::after(limit);
    let work = async {
        let visitor = Visitor::log_in(&request.host, &login).await.map_err(Denied::why).map_err(failed)?;
        remove_all(Path::new(PROBES), &request.host, deadline).await?;
        let created = create(request, &visitor, Path::new(PROBES)).await;
        if created.is_err() {
            remove_all(Path::new(PROBES), &request.host, deadline).await?;
        }
        created.map_err(failed)
    };
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(failed(format!("did not answer all questions within {} s", limit.as_secs()))),
    }
}

async fn create(request: &RoutingRequest, visitor: &Visitor, folder: &Path) -> Result<Routed, String> {
    let mut routed = Routed::default();
    if request.names.is_empty() {
        return Ok(routed);
    }
    let target = AppTarget { host: request.host.clone(), credential: request.login.clone() };
    let sought: String = request.mark.chars().map(|one| if one == ' ' { '+' } else { one }).collect();
    let occasion = Occasion::new(target, &request.mark, format!("q={sought}"));
    let file = folder.join(format!("{}.jsonl", occasion.mark.replace(' ', "-")));
    let made =
        Made::begin(&file, &occasion).map_err(|error| format!("can't be probed: {}: {error}", file.display()))?;
    for name in &request.names {
        let name = format!("{name} {}", occasion.mark);
        let product = json!({ "name": name, "price": 0, "stock": 0, "description": "deleted again at once" });
        let (status, answer) = visitor.ask(Method::POST, "/products", Some(&product)).await?;
        let id = identity(&answer["product"]).filter(|_| status == 201);
        id.into_iter().for_each(|id| made.add(id));
        match id.and_then(object_id) {
            Some(id) => {
                // A service may tidy names up; what it stores is what belongs somewhere.
                let stored = answer["product"]["name"].as_str().filter(|name| occasion.own(name).is_some());
                routed.products.push(RoutedProduct { name: stored.map_or(name, str::to_owned), id });
            }
            // What is not taken goes nowhere.
            None if status.is_client_error() => routed.refused.push((name, said(status, &answer))),
            None => return Err(format!("does not create {name:?}: {}", said(status, &answer))),
        }
    }
    Ok(routed)
}

/// Removes what probes of a service have left, by what they wrote down.
async fn remove_all(folder: &Path, host: &str, deadline: Deadline) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort_unstable();
    for file in files {
        if !matches!(Occasion::read(&file), Ok(Some(occasion)) if occasion.target.host != host) {
            made::remove(&file, deadline).await?;
        }
    }
    Ok(())
}

fn object_id(hex: &str) -> Option<Id> {
    write_id(Bson::ObjectId(ObjectId::parse_str(hex).ok()?)).ok()
}
