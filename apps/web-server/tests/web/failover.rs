//! Databases that go away and come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::json;

use crate::auth::Auth;
use crate::cluster::{Set, until};
use crate::service::{Service, System, product, read, turn};

#[tokio::test(flavor = "multi_thread")]
async fn with_one_fragment_away_the_other_answers() {
    let mut system = System::start().await;
    let (ajo, sal) = (system.web.create("Ajo").await, system.web.create("Sal").await);
    system.b.members[0].kill();
    let web = &system.web;
    let (status, body) = web.get("/products").await;
    assert_eq!((status, &body["missing"], &body["count"]), (200, &json!(["DB2"]), &json!(1)));
    let begun = Instant::now();
    assert_eq!(web.get("/products?limit=10").await.0, 200);
    assert!(begun.elapsed() < Duration::from_millis(1_000), "known to be away: {:?}", begun.elapsed());
    assert_eq!(web.get(&format!("/products/{ajo}")).await.0, 200);
    assert_eq!(web.call(Method::PUT, &format!("/products/{ajo}"), Some(json!({ "price": 2 }))).await.0, 200);
    assert_eq!(web.call(Method::POST, "/products", Some(product("Ajo2"))).await.0, 201);
    for path in [format!("/products/{sal}"), "/products/0123456789abcdef01234567".to_owned()] {
        let answer = web.request(Method::GET, &path).bearer_auth(&web.token).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    }
    let write = web.request(Method::POST, "/products").bearer_auth(&web.token).json(&product("Sal2"));
    let answer = write.send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "2");
    let (status, body) = read(answer).await;
    assert!(status == 503 && body["message"].as_str().unwrap().contains("DB2"), "{body}");
    until("health names it", || async {
        let (status, body) = read(web.request(Method::GET, "/health").send().await.unwrap()).await;
        (status == 503 && body["failing"] == json!(["DB2"])).then_some(())
    })
    .await;
    let page = web.request(Method::GET, "/dashboard").header("cookie", format!("session={}", web.token));
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("role=\"alert\"") && page.contains("La base de datos DB2 no está disponible"), "{page}");

    system.a.members[0].kill();
    let answer = web.request(Method::GET, "/products").bearer_auth(&web.token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    let page = web.request(Method::GET, "/dashboard").header("cookie", format!("session={}", web.token));
    assert_eq!(page.send().await.unwrap().status(), 503);

    system.a.members[0].begin();
    system.b.members[0].begin();
    let web = &system.web;
    until("both are back", || async {
        let (status, body) = web.get("/products").await;
        (status == 200 && body["missing"] == json!([])).then_some(())
    })
    .await;
    assert_eq!(web.get(&format!("/products/{sal}")).await.0, 200);
}

/// The driver's queue for connections gives turns to those who gave up, one for each who asks anew: where all give up
/// together, nobody is served any more, until fewer ask.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_gave_up_are_in_nobodys_way() {
    let system = System::start().await;
    let slow = |mode: &'static str| {
        let data = doc! { "failCommands": ["hello", "insert", "update"], "appName": "web-server",
        "blockConnection": true, "blockTimeMS": 900 };
        let command = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        let admin = system.a.client.database("admin");
        async move { admin.run_command(command).await.unwrap() }
    };
    slow("alwaysOn").await;
    let (asking, done, failed) = (AtomicBool::new(true), AtomicUsize::new(0), AtomicUsize::new(0));
    let named = AtomicUsize::new(0);
    let ask = || async {
        while asking.load(Ordering::Relaxed) {
            let body = product(&format!("Ajo {}", named.fetch_add(1, Ordering::Relaxed)));
            let created = system.web.call(Method::POST, "/products", Some(body)).await.0 == 201;
            if created { &done } else { &failed }.fetch_add(1, Ordering::Relaxed);
        }
    };
    let watch = async {
        until("many gave up", || async { (failed.load(Ordering::Relaxed) > 300).then_some(()) }).await;
        slow("off").await;
        let before = done.load(Ordering::Relaxed);
        // With the driver's queue: 50 s and more.
        let served = until("served", || async { (done.load(Ordering::Relaxed) > before + 3_000).then_some(()) });
        tokio::time::timeout(Duration::from_secs(25), served).await.expect("all are served again");
        asking.store(false, Ordering::Relaxed);
    };
    let clients = futures_util::future::join_all((0..300).map(|_| ask()));
    futures_util::future::join(clients, watch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_while_everything_is_away() {
    let _turn = turn().await;
    let mut auth = Auth::start().await;
    let urls = ["rsA", "rsB"].map(|set| format!("mongodb://127.0.0.1:1/products_db?replicaSet={set}"));
    let web = Service::start_at(&urls, &auth).await;
    auth.stop().await;
    let page = web.request(Method::GET, "/login").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let (status, body) = read(web.request(Method::GET, "/health").send().await.unwrap()).await;
    assert_eq!((status, &body["failing"]), (503, &json!(["auth-server", "DB1", "DB2"])));
}

/// What the 16 clients were told.
#[derive(Default)]
struct Told {
    acknowledged: tokio::sync::Mutex<BTreeSet<String>>,
    away: AtomicUsize,
    slowest: AtomicUsize,
}

async fn create_until(web: &Service, client: usize, told: &Told, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let name = format!("Ajo {client}-{number}");
        let begun = Instant::now();
        let request = web.request(Method::POST, "/products").bearer_auth(&web.token).json(&product(&name));
        let answer = request.send().await.unwrap();
        told.slowest.fetch_max(usize::try_from(begun.elapsed().as_millis()).unwrap(), Ordering::SeqCst);
        match answer.status().as_u16() {
            201 => drop(told.acknowledged.lock().await.insert(name)),
            503 => {
                assert!(answer.headers().contains_key("retry-after"));
                told.away.fetch_add(1, Ordering::SeqCst);
            }
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_product_is_lost_when_a_primary_is_killed() {
    let _turn = turn().await;
    let (mut a, b) = tokio::join!(Set::start("rsA", 3), Set::start("rsB", 1));
    let auth = Auth::start().await;
    let web = Arc::new(Service::start(&[&a, &b], &auth).await);
    let (told, stop) = (Arc::new(Told::default()), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let (web, told, stop) = (Arc::clone(&web), Arc::clone(&told), Arc::clone(&stop));
            tokio::spawn(async move { create_until(&web, client, &told, &stop).await })
        })
        .collect();
    let reach = |least: usize| {
        let told = Arc::clone(&told);
        move || {
            let told = Arc::clone(&told);
            async move { (told.acknowledged.lock().await.len() > least).then_some(()) }
        }
    };
    until("products before", reach(200)).await;
    let primary = a.primary().await;
    a.members[primary].kill();
    let before = told.acknowledged.lock().await.len();
    until("products after", reach(before + 200)).await;
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    a.members[primary].begin();
    a.await_healthy().await;
    let found = a.products().find(doc! {}).await.unwrap();
    let found: Vec<Document> = futures_util::TryStreamExt::try_collect(found).await.unwrap();
    let names: BTreeSet<String> = found.iter().map(|found| found.get_str("name").unwrap().to_owned()).collect();
    assert_eq!(names.len(), found.len(), "no product twice");
    let lost: Vec<_> = told.acknowledged.lock().await.difference(&names).cloned().collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let (away, slowest) = (told.away.load(Ordering::SeqCst), told.slowest.load(Ordering::SeqCst));
    eprintln!("{} acknowledged, {away} sent away, slowest {slowest} ms", names.len());
    assert!(slowest < 12_000, "{slowest} ms");
}
