//! Asking a running service over HTTP where it puts products.
//!
//! What is created is deleted again, whatever happens in between; what a probe left that was killed is deleted by the
//! next one. The password is read here and goes nowhere but to the service.

use std::time::Duration;

use hyper::Method;
use mongodb::bson::Bson;
use mongodb::bson::oid::ObjectId;
use protocol::{Failure, Id, RoutedProduct, RoutingRequest};
use serde_json::{Value, json};

use super::document::write_id;
use crate::http::Http;
use crate::mongo::connect::Login;

/// Creates products, or deletes those of earlier probes.
pub async fn probe(request: &RoutingRequest) -> Result<Vec<RoutedProduct>, Failure> {
    let failed = |why: String| Failure::new(format!("the service at {}", request.host), why);
    let login = Login::read(&request.login)?;
    let limit = Duration::from_millis(request.timeout_ms);
    let work = async {
        let visitor = Visitor::log_in(&request.host, &login).await?;
        visitor.delete(&request.mark).await?;
        match visitor.create(&request.names).await {
            Ok(created) => Ok(created),
            Err(why) => {
                visitor.delete(&request.mark).await?;
                Err(why)
            }
        }
    };
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(failed(format!("did not answer all questions within {} s", limit.as_secs()))),
    }
}

/// Somebody who has logged in.
struct Visitor<'r> {
    host: &'r str,
    token: String,
}

impl<'r> Visitor<'r> {
    async fn log_in(host: &'r str, login: &Login) -> Result<Self, String> {
        let visitor = Self { host, token: String::new() };
        let sent = json!({ "username": login.user, "password": login.password });
        let (status, answer) = visitor.ask(Method::POST, "/auth/login", Some(&sent)).await?;
        match answer["token"].as_str() {
            Some(token) if status == 200 => Ok(Self { token: token.to_owned(), ..visitor }),
            _ => Err(format!("does not let {} in: {}", login.user, said(status, &answer))),
        }
    }

    async fn create(&self, names: &[String]) -> Result<Vec<RoutedProduct>, String> {
        let mut created = Vec::with_capacity(names.len());
        for name in names {
            let product = json!({ "name": name, "price": 0, "stock": 0, "description": "deleted again at once" });
            let (status, answer) = self.ask(Method::POST, "/products", Some(&product)).await?;
            let id = answer["product"]["_id"].as_str().and_then(id).filter(|_| status == 201);
            let id = id.ok_or_else(|| format!("does not create {name:?}: {}", said(status, &answer)))?;
            created.push(RoutedProduct { name: name.clone(), id });
        }
        Ok(created)
    }

    /// Deletes all products that have the mark in their name.
    async fn delete(&self, mark: &str) -> Result<(), String> {
        let sought: String = mark.chars().map(|one| if one == ' ' { '+' } else { one }).collect();
        let (status, answer) = self.ask(Method::GET, &format!("/products?limit=5000&q={sought}"), None).await?;
        let products = answer["products"].as_array().filter(|_| status == 200);
        let products = products.ok_or_else(|| format!("does not list products: {}", said(status, &answer)))?;
        for product in products.iter().filter(|one| one["name"].as_str().is_some_and(|name| name.contains(mark))) {
            let Some(id) = product["_id"].as_str() else { continue };
            let (status, answer) = self.ask(Method::DELETE, &format!("/products/{id}"), None).await?;
            // Somebody else may have been faster.
            if ![200, 404].contains(&status) {
                return Err(format!("does not delete the probe {id}: {}", said(status, &answer)));
            }
        }
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
        let token = (!self.token.is_empty()).then_some(self.token.as_str());
        let answer = Http::to(self.host).send(method, path, token, body).await;
        let answer = answer.map_err(|error| format!("does not answer: {error}"))?;
        Ok((answer.status.as_u16(), answer.json()))
    }
}

fn id(hex: &str) -> Option<Id> {
    write_id(Bson::ObjectId(ObjectId::parse_str(hex).ok()?)).ok()
}

/// A status with what was said to it.
fn said(status: u16, answer: &Value) -> String {
    format!("{status} {}", answer["message"].as_str().unwrap_or_default()).trim_end().to_owned()
}
