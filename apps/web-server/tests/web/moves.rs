//! Names that move to another fragment, and what a crash in the middle leaves.

use std::time::{Duration, Instant};

use mongodb::Database;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use reqwest::Method;
use serde_json::json;

use crate::cluster::until;
use crate::service::System;

fn copy(id: ObjectId, name: &str, at: i64) -> Document {
    let at = DateTime::from_millis(at);
    doc! { "_id": id, "name": name, "description": "", "price": 1.0, "stock": 1, "category": "c", "created_at": at, "updated_at": at }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_moves_the_product() {
    let system = System::start().await;
    let web = &system.web;
    let id = web.create("Azúcar").await;
    let path = format!("/products/{id}");
    let (status, body) = web.call(Method::PUT, &path, Some(json!({ "name": "Sucre", "stock": 9 }))).await;
    assert_eq!((status, &body["product"]["database"], &body["product"]["_id"]), (200, &json!("DB2"), &json!(id)));
    assert_eq!((&body["product"]["stock"], &body["product"]["price"]), (&json!(9), &json!(12.5)));
    assert_eq!(system.a.products().count_documents(doc! {}).await.unwrap(), 0);
    assert_eq!(web.get(&path).await.1["name"], "Sucre");
    assert_eq!(web.names("/products").await, ["Sucre"]);
    assert_eq!(web.call(Method::DELETE, &path, None).await.1["deleted_from"], "DB2");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_the_newest_is_the_product() {
    let system = System::start().await;
    let web = &system.web;
    let (id, other) = (ObjectId::new(), ObjectId::new());
    let plant = |old: &'static str, new: &'static str| {
        let (a, b) = (system.a.products(), system.b.products());
        async move {
            a.delete_many(doc! {}).await.unwrap();
            b.delete_many(doc! {}).await.unwrap();
            a.insert_one(copy(id, old, 1_000)).await.unwrap();
            b.insert_one(copy(id, new, 2_000)).await.unwrap();
            b.insert_one(copy(other, "Sal", 1_000)).await.unwrap();
        }
    };
    plant("Agua", "Vino").await;
    let path = format!("/products/{}", id.to_hex());
    assert_eq!(web.names("/products").await, ["Vino", "Sal"]);
    assert_eq!(web.names("/products?q=agua").await, Vec::<String>::new(), "the old name finds nothing");
    assert_eq!(web.names("/products?q=vino").await, ["Vino"]);
    assert_eq!(web.names("/products?limit=1").await, ["Vino"]);
    assert_eq!(web.get(&path).await.1["name"], "Vino");
    let (_, body) = web.call(Method::PUT, &path, Some(json!({ "price": 3 }))).await;
    assert_eq!((&body["product"]["name"], &body["product"]["database"]), (&json!("Vino"), &json!("DB2")));
    assert_eq!(system.a.products().count_documents(doc! {}).await.unwrap(), 0, "a change mends what a crash left");

    plant("Agua", "Vino").await;
    let (_, body) = web.call(Method::PUT, &path, Some(json!({ "name": "Miel" }))).await;
    assert_eq!(body["product"]["database"], "DB1");
    assert_eq!(web.names("/products").await, ["Miel", "Sal"]);
    assert_eq!(system.b.products().count_documents(doc! {}).await.unwrap(), 1);

    plant("Agua", "Vino").await;
    assert_eq!(web.call(Method::DELETE, &path, None).await.1["deleted_from"], "DB2");
    assert_eq!(web.get(&path).await.0, 404);
    assert_eq!(web.names("/products").await, ["Sal"]);
}

/// The number of a removal that waits for its lock.
async fn removal(admin: &Database) -> Option<Bson> {
    let running = admin.run_command(doc! { "currentOp": 1, "op": "remove" }).await.unwrap();
    running.get_array("inprog").unwrap().first().map(|running| running.as_document().unwrap()["opid"].clone())
}

/// The service is killed between the two writes of a move.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_killed_between_its_writes_loses_nothing() {
    let mut system = System::start().await;
    let id = system.web.create("Azúcar").await;
    let by_id = doc! { "_id": ObjectId::parse_str(&id).unwrap() };
    // Deletes are held up in the old database by a lock that forbids them: reads go on, writes wait.
    let admin = system.a.client.database("admin");
    admin.run_command(doc! { "fsync": 1, "lock": true }).await.unwrap();
    let request = system.web.request(Method::PUT, &format!("/products/{id}")).bearer_auth(&system.web.token);
    let moving = tokio::spawn(request.json(&json!({ "name": "Sucre" })).send());
    let moved = system.b.products();
    until("the first write", || async { moved.find_one(by_id.clone()).await.unwrap() }).await;
    let second = until("the second write waits", || removal(&admin)).await;
    system.web.child.kill().unwrap();
    assert!(moving.await.unwrap().is_err(), "nobody was told that it is done");
    // As if the service had been killed before it sent the second write: the database must not do it after all.
    admin.run_command(doc! { "killOp": 1, "op": second }).await.unwrap();
    until("it is forgotten", || async { removal(&admin).await.is_none().then_some(()) }).await;
    admin.run_command(doc! { "fsyncUnlock": 1 }).await.unwrap();
    assert!(system.a.products().find_one(by_id.clone()).await.unwrap().is_some(), "two copies are left");

    let web = crate::service::Service::start(&[&system.a, &system.b], &system.auth).await;
    assert_eq!(web.names("/products").await, ["Sucre"]);
    let (status, body) = web.call(Method::PUT, &format!("/products/{id}"), Some(json!({ "name": "Sucre" }))).await;
    assert_eq!((status, &body["product"]["database"]), (200, &json!("DB2")));
    assert!(system.a.products().find_one(by_id).await.unwrap().is_none(), "asked again, it is finished");
}

/// Whoever brings documents in order copies a product while its deletion is under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_moved_while_it_is_deleted_does_not_come_back() {
    let system = System::start().await;
    let id = system.web.create("Azúcar").await;
    let by_id = doc! { "_id": ObjectId::parse_str(&id).unwrap() };
    let document = system.a.products().find_one(by_id.clone()).await.unwrap().unwrap();
    let admin = system.a.client.database("admin");
    admin.run_command(doc! { "fsync": 1, "lock": true }).await.unwrap();
    let request = system.web.request(Method::DELETE, &format!("/products/{id}")).bearer_auth(&system.web.token);
    let deleting = tokio::spawn(request.send());
    until("the deletion waits", || removal(&admin)).await;
    system.b.products().insert_one(document).await.unwrap();
    admin.run_command(doc! { "fsyncUnlock": 1 }).await.unwrap();
    assert_eq!(deleting.await.unwrap().unwrap().status(), 200);
    assert!(system.b.products().find_one(by_id).await.unwrap().is_none(), "its copy is left");
    assert_eq!(system.web.get(&format!("/products/{id}")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_kept() {
    let system = System::start().await;
    let web = &system.web;
    let path = &format!("/products/{}", web.create("Azúcar").await);
    let begun = Instant::now();
    for round in 0..15 {
        let name = if round % 2 == 0 { "Sucre" } else { "Azúcar" };
        let changes = [json!({ "name": name }), json!({ "price": round }), json!({ "stock": round })];
        let outcomes = changes.map(|change| web.call(Method::PUT, path, Some(change)));
        for (status, body) in futures_util::future::join_all(outcomes).await {
            assert_eq!(status, 200, "{body}");
        }
        let (_, now) = web.get(path).await;
        assert_eq!(now["name"], name);
        assert_eq!((now["price"].as_f64(), now["stock"].as_i64()), (Some(f64::from(round)), Some(i64::from(round))));
        assert_eq!(web.names("/products").await, [name]);
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
}
