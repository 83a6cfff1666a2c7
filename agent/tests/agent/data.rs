//! All data of a set, read as it was at one moment, and put into a single mongod, and the other way round.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use protocol::{
    Catalog, ClusterTime, Collection, CollectionKind, CollectionName, DataAsk, DataPart, DataReply, DataRequest,
    Failure, FragmentPlace, Holds, Reply, Request,
};

use crate::call::{Answer, call};
use crate::fixture::{Auth, Bench, PATIENCE};

/// A set `rsA` of one member, and a single mongod `single`.
struct Two {
    bench: Bench,
    runtime: tokio::runtime::Runtime,
}

const PLACES: [&str; 2] = ["rsA", "single"];

/// What was read of a place, by collection.
type Read = Vec<(Collection, Vec<RawDocumentBuf>)>;

impl Two {
    fn open() -> Self {
        let mut bench = Bench::empty(Auth::None);
        // With the smallest cache mongod itself takes no document of 16 MB (error 388).
        bench.start(&["--replSet", "rsA", "--wiredTigerCacheSizeGB", "1"], "keyfile");
        bench.await_members();
        bench.initiate();
        bench.await_healthy();
        bench.start(&["--wiredTigerCacheSizeGB", "1"], "keyfile");
        bench.await_members();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { bench, runtime }
    }

    fn client(&self, on: &str) -> mongodb::Client {
        let host = &self.bench.members[usize::from(on == PLACES[1])].host;
        let uri = format!("mongodb://{host}/?directConnection=true");
        self.runtime.block_on(mongodb::Client::with_uri_str(uri)).unwrap()
    }

    fn run(&self, on: &str, database: &str, command: Document) -> Document {
        let database = self.client(on).database(database);
        self.runtime.block_on(async { database.run_command(command).await }).unwrap()
    }

    fn put(&self, on: &str, name: &str, documents: impl IntoIterator<Item = Document>) {
        let documents: Vec<_> = documents.into_iter().collect();
        let collection = self.client(on).database("shop").collection::<Document>(name);
        self.runtime.block_on(async { collection.insert_many(documents).await }).unwrap();
    }

    /// How many documents somebody sees who asks for the view or collection.
    fn count(&self, on: &str, name: &str) -> u64 {
        let collection = self.client(on).database("shop").collection::<Document>(name);
        self.runtime.block_on(async { collection.count_documents(doc! {}).await }).unwrap()
    }

    fn call(&self, on: &str, ask: DataAsk) -> Answer {
        let place = FragmentPlace {
            on: on.to_owned(),
            is_set: on == PLACES[0],
            hosts: vec![self.bench.members[usize::from(on == PLACES[1])].host.clone()],
            credential: None,
        };
        call(Request::Data(Box::new(DataRequest { place, timeout_ms: PATIENCE, ask })))
    }

    fn done(&self, on: &str, ask: DataAsk) {
        assert_eq!(self.call(on, ask).outcome, Ok(Reply::Data(DataReply::Done)));
    }

    fn catalog(&self, on: &str) -> Catalog {
        match self.call(on, DataAsk::Catalog).outcome.unwrap() {
            Reply::Data(DataReply::Catalog(catalog)) => catalog,
            other => panic!("{other:?}"),
        }
    }

    fn read(&self, on: &str, at: Option<ClusterTime>, collections: &[Collection]) -> Result<Read, Failure> {
        let answer = self.call(on, DataAsk::Read { at, collections: collections.to_vec() });
        answer.outcome?;
        let (mut read, mut bytes) = (Vec::new(), Vec::new());
        for part in answer.parts {
            match serde_json::from_str(&part).unwrap() {
                DataPart::Begin(name) => {
                    let collection = collections.iter().find(|one| one.name == name).unwrap();
                    read.push((collection.clone(), Vec::new()));
                }
                DataPart::Bytes(more) => bytes.extend(BASE64_STANDARD.decode(more).unwrap()),
                DataPart::End(holds) => {
                    let documents = &mut read.last_mut().unwrap().1;
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        documents.push(RawDocumentBuf::from_reader(&mut rest).unwrap());
                    }
                    let (documents, bytes) = (documents.len() as u64, std::mem::take(&mut bytes).len() as u64);
                    assert_eq!(holds, Holds { documents, bytes });
                }
            }
        }
        Ok(read)
    }

    /// Puts what was read into another place, as distctl does.
    fn restore(&self, on: &str, catalog: &Catalog, read: &Read) {
        self.done(on, DataAsk::Clear);
        for collection in &catalog.collections {
            self.done(on, DataAsk::Make { collection: collection.clone() });
            let documents = read.iter().find(|(one, _)| one.name == collection.name).map(|(_, documents)| documents);
            let mut holds = Holds::default();
            for document in documents.into_iter().flatten() {
                holds.documents += 1;
                holds.bytes += document.as_bytes().len() as u64;
            }
            for some in documents.into_iter().flat_map(|documents| documents.chunks(1_000)) {
                let bytes: Vec<u8> = some.iter().flat_map(|one| one.as_bytes()).copied().collect();
                let (name, documents) = (collection.name.clone(), BASE64_STANDARD.encode(bytes));
                self.done(on, DataAsk::Insert { name, kind: collection.kind, documents });
            }
            self.done(on, DataAsk::Complete { collection: collection.clone(), holds });
        }
    }
}

fn without_uuids(catalog: &Catalog) -> Vec<Collection> {
    let all = catalog.collections.iter().cloned();
    all.map(|collection| Collection { uuid: None, ..collection }).collect()
}

/// Collections of every make, with names that nobody should give.
fn furnish(two: &Two, on: &str) {
    two.put(on, "products", (0..2_500).map(|number| doc! { "_id": number, "name": format!("Azúcar {number}") }));
    let odd =
        doc! { "_id": doc! { "b": 1, "a": 2 }, "n": 1_i64, "d": 1.0, "b": Bson::Null, "z": -0.0, "$x": 1, "a.b": 2 };
    two.put(on, "a/../odd ñ/日本", [odd, doc! { "_id": Bson::MinKey }, doc! { "_id": DateTime::from_millis(-1) }]);
    two.put(on, "large", [doc! { "_id": 1, "text": "x".repeat(16 * 1024 * 1024 - 60) }]);
    let run = |command: Document| drop(two.run(on, "shop", command));
    run(doc! { "createIndexes": "products", "indexes": [
        { "key": { "name": 1 }, "name": "by name", "unique": true, "collation": { "locale": "es", "strength": 1 },
            "partialFilterExpression": { "name": { "$type": "string" } } },
        { "key": { "text": "text" }, "name": "words", "default_language": "spanish" },
        { "key": { "gone": 1 }, "name": "expires", "expireAfterSeconds": 3600, "hidden": true },
    ] });
    run(
        doc! { "create": "empty", "validator": { "name": { "$regex": "^A", "$options": "i" } }, "validationAction": "warn",
        "collation": { "locale": "es" } },
    );
    run(doc! { "create": "capped", "capped": true, "size": 4096, "max": 3 });
    two.put(on, "capped", (0..5).map(|number| doc! { "_id": 5 - number }));
    run(doc! { "create": "strict" });
    two.put(on, "strict", [doc! { "_id": "older than its validator" }]);
    run(doc! { "collMod": "strict", "validator": { "name": { "$exists": true } } });
    run(doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true } });
    two.put(on, "clustered", [doc! { "_id": 1 }]);
    run(
        doc! { "create": "weather", "timeseries": { "timeField": "at", "metaField": "where", "granularity": "hours" } },
    );
    two.put(
        on,
        "weather",
        (0..100).map(|hour| {
            doc! { "at": DateTime::from_millis(hour * 3_600_000), "where": "here", "degrees": hour }
        }),
    );
    // A view of a view, and the other's name comes later.
    run(doc! { "create": "cheap", "viewOn": "seen", "pipeline": [{ "$limit": 3 }] });
    run(doc! { "create": "seen", "viewOn": "products", "pipeline": [{ "$match": { "name": { "$ne": Bson::Null } } }] });
    two.run(on, "other", doc! { "create": "products" });
}

#[test]
fn everything_comes_back_as_it_was() {
    let two = Two::open();
    let [set, single] = PLACES;
    assert_eq!(two.catalog(set).collections, []);
    furnish(&two, set);
    let catalog = two.catalog(set);
    assert_eq!(catalog.mongod.split('.').count(), 3);
    let names: Vec<String> = catalog.collections.iter().map(|one| one.name.to_string()).collect();
    assert_eq!(
        names,
        [
            "other.products",
            "shop.a/../odd ñ/日本",
            "shop.clustered",
            "shop.empty",
            "shop.large",
            "shop.products",
            "shop.strict",
            "shop.capped",
            "shop.weather",
            "shop.cheap",
            "shop.seen"
        ]
    );
    let (capped, others): (Vec<_>, Vec<_>) =
        catalog.collections.iter().cloned().partition(|one| one.kind == CollectionKind::Capped);
    let mut read = two.read(set, catalog.at, &others).unwrap();
    read.extend(two.read(set, None, &capped).unwrap());
    assert_eq!(read.len(), 9, "views hold nothing");

    // Over something else, which goes.
    two.put(single, "products", [doc! { "_id": "made by an init" }]);
    two.put(single, "stranger", [doc! { "_id": 1 }]);
    two.restore(single, &catalog, &read);
    let there = two.catalog(single);
    assert_eq!((without_uuids(&there), there.at), (without_uuids(&catalog), None));
    let again = two.read(single, None, &there.collections).unwrap();
    for (collection, one) in &read {
        let (_, other) = again.iter().find(|(there, _)| there.name == collection.name).unwrap();
        assert_eq!(one.len(), other.len(), "{}", collection.name);
        assert!(one == other, "{}", collection.name);
    }
    assert_eq!((two.count(single, "cheap"), two.count(single, "seen"), two.count(single, "weather")), (3, 2_500, 100));

    // And back into the set, twice: what was there goes.
    for _ in 0..2 {
        two.restore(set, &there, &again);
    }
    assert_eq!(without_uuids(&two.catalog(set)), without_uuids(&catalog));
}

#[test]
fn a_set_is_read_as_it_was() {
    let two = Two::open();
    two.put("rsA", "products", (0..10).map(|number| doc! { "_id": number }));
    two.put("rsA", "gone", [doc! { "_id": 1 }]);
    let before = two.catalog("rsA");
    two.put("rsA", "products", (10..20).map(|number| doc! { "_id": number }));
    two.run("rsA", "shop", doc! { "delete": "products", "deletes": [{ "q": { "_id": 3 }, "limit": 1 }] });
    two.put("rsA", "later", [doc! { "_id": 1 }]);
    let (products, gone): (Vec<_>, Vec<_>) =
        before.collections.iter().cloned().partition(|one| one.name.collection == "products");
    let read = two.read("rsA", before.at, &products).unwrap();
    let ids: Vec<i32> = read[0].1.iter().map(|one| one.get_i32("_id").unwrap()).collect();
    assert_eq!(ids, (0..10).collect::<Vec<_>>());

    // What was dropped is not taken for empty, nor what came in its place for itself.
    two.run("rsA", "shop", doc! { "drop": "gone" });
    let failure = two.read("rsA", before.at, &gone).unwrap_err();
    assert_eq!(failure.object, "shop.gone on rsA");
    assert!(failure.hint.unwrap().contains("export again"));
    two.put("rsA", "gone", [doc! { "_id": 2 }]);
    assert!(two.read("rsA", before.at, &gone).unwrap_err().hint.unwrap().contains("export again"));
    // An index that was made since is no obstacle, and a past that mongod has forgotten is told.
    let before = two.catalog("rsA");
    two.run("rsA", "shop", doc! { "createIndexes": "products", "indexes": [{ "key": { "name": 1 }, "name": "name" }] });
    assert_eq!(two.read("rsA", before.at, &products).unwrap()[0].1.len(), 19);
    two.run("rsA", "admin", doc! { "setParameter": 1, "minSnapshotHistoryWindowInSeconds": 0 });
    let deadline = Instant::now() + Duration::from_secs(30);
    let failure = loop {
        two.put("rsA", "later", [doc! {}]);
        match two.read("rsA", before.at, &products) {
            Err(failure) => break failure,
            Ok(_) => assert!(Instant::now() < deadline, "mongod forgets nothing"),
        }
    };
    assert!(failure.cause.contains("longer than mongod keeps the past"), "{failure}");
}

#[test]
fn what_is_not_as_it_should_be_is_told() {
    let two = Two::open();
    let name = CollectionName { database: "shop".into(), collection: "products".into() };
    let options = BASE64_STANDARD.encode(mongodb::bson::serialize_to_vec(&doc! {}).unwrap());
    let collection =
        Collection { name: name.clone(), kind: CollectionKind::Collection, uuid: None, options, indexes: Vec::new() };
    let own = Collection { name: CollectionName { database: "admin".into(), ..name.clone() }, ..collection.clone() };
    let failure = two.call("rsA", DataAsk::Make { collection: own }).outcome.unwrap_err();
    assert_eq!((failure.object.as_str(), failure.cause.contains("mongod's own")), ("admin.products", true));
    two.done("rsA", DataAsk::Make { collection: collection.clone() });
    two.done("rsA", DataAsk::Insert { name: name.clone(), kind: CollectionKind::Collection, documents: String::new() });
    let holds = Holds { documents: 1, bytes: 5 };
    let failure = two.call("rsA", DataAsk::Complete { collection, holds }).outcome.unwrap_err();
    assert_eq!(failure.cause, "has 0 documents of 0 bytes and should have 1 documents of 5 bytes");
    for documents in ["*", "BwAAAAA="] {
        let insert =
            DataAsk::Insert { name: name.clone(), kind: CollectionKind::Collection, documents: documents.into() };
        assert!(two.call("rsA", insert).outcome.unwrap_err().cause.contains("damaged documents"));
    }
}
