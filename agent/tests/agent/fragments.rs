//! Fragments in a replica set and in a single mongod: looked through, and documents moved between them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use protocol::{
    Copied, Digest, Fate, FragmentAsk, FragmentPlace, FragmentReply, FragmentRequest, FragmentScan, MovingDocument,
    Reply, Request, Version,
};

use crate::call::{Answer, call};
use crate::fixture::{Auth, Bench, PATIENCE};

/// A set `rsA` of one member that takes A to M, and a single mongod `single` that takes N to Z.
struct Shop {
    bench: Bench,
    runtime: tokio::runtime::Runtime,
}

const PLACES: [&str; 2] = ["rsA", "single"];

impl Shop {
    fn open() -> Self {
        Self::with_cache("0.25")
    }

    fn with_cache(gigabytes: &str) -> Self {
        let mut bench = Bench::empty(Auth::None);
        bench.start(&["--replSet", "rsA", "--wiredTigerCacheSizeGB", gigabytes], "keyfile");
        bench.await_members();
        bench.initiate();
        bench.await_healthy();
        bench.start(&["--wiredTigerCacheSizeGB", gigabytes], "keyfile");
        bench.await_members();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { bench, runtime }
    }

    fn collection(&self, on: &str, name: &str) -> mongodb::Collection<Document> {
        let host = &self.bench.members[usize::from(on == PLACES[1])].host;
        let uri = format!("mongodb://{host}/?directConnection=true");
        let client = self.runtime.block_on(mongodb::Client::with_uri_str(uri)).unwrap();
        client.database("shop").collection(name)
    }

    fn put(&self, on: &str, documents: impl IntoIterator<Item = Document>) {
        let documents: Vec<_> = documents.into_iter().collect();
        let products = self.collection(on, "products");
        self.runtime.block_on(async { products.insert_many(documents).await }).unwrap();
    }

    /// All documents of a collection, in the order of their identities.
    fn all(&self, on: &str, name: &str) -> Vec<Document> {
        let collection = self.collection(on, name);
        self.runtime.block_on(async {
            let mut cursor = collection.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
            let mut all = Vec::new();
            while cursor.advance().await.unwrap() {
                all.push(cursor.deserialize_current().unwrap());
            }
            all
        })
    }

    fn set(&self, on: &str, id: impl Into<Bson>, change: Document) {
        let collection = self.collection(on, "products");
        let change = doc! { "$set": change };
        let done = self.runtime.block_on(async { collection.update_one(doc! { "_id": id.into() }, change).await });
        assert_eq!(done.unwrap().modified_count, 1);
    }

    fn call(&self, on: &str, ask: FragmentAsk) -> Answer {
        let place = FragmentPlace {
            on: on.to_owned(),
            is_set: on == PLACES[0],
            hosts: vec![self.bench.members[usize::from(on == PLACES[1])].host.clone()],
            credential: None,
        };
        let rule = r#"{"collection":"shop.products","key":"name","fragments":[
            {"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"single"}]}"#;
        let rule = serde_json::from_str(rule).unwrap();
        call(Request::Fragment(Box::new(FragmentRequest { place, rule, timeout_ms: PATIENCE, ask })))
    }

    fn ask(&self, on: &str, ask: FragmentAsk) -> FragmentReply {
        match self.call(on, ask).outcome.unwrap() {
            Reply::Fragment(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn scan(&self, on: &str) -> FragmentScan {
        match self.ask(on, FragmentAsk::Scan { digests: false, examples: 3 }) {
            FragmentReply::Scanned(scan) => *scan,
            other => panic!("{other:?}"),
        }
    }

    fn misplaced(&self, on: &str, after: Option<String>, documents: usize) -> (Vec<MovingDocument>, Option<String>) {
        match self.ask(on, FragmentAsk::Misplaced { after, documents, bytes: 4 << 20 }) {
            FragmentReply::Misplaced { documents, next } => (documents, next),
            other => panic!("{other:?}"),
        }
    }

    fn fates(&self, on: &str, ask: FragmentAsk) -> Vec<Fate> {
        match self.ask(on, ask) {
            FragmentReply::Fates(fates) => fates,
            other => panic!("{other:?}"),
        }
    }

    fn copy(&self, on: &str, batch: &str, documents: &[MovingDocument]) -> Vec<Fate> {
        let from = PLACES[usize::from(on == PLACES[0])].to_owned();
        let (batch, documents) = (batch.to_owned(), documents.to_vec());
        self.fates(on, FragmentAsk::Copy { batch, from, documents })
    }

    fn remove(&self, on: &str, batch: Option<&str>, documents: &[Version], quarantine: bool) -> Vec<Fate> {
        let (batch, documents) = (batch.map(str::to_owned), documents.to_vec());
        self.fates(on, FragmentAsk::Remove { batch, documents, quarantine })
    }

    fn unfinished(&self, on: &str) -> Vec<String> {
        match self.ask(on, FragmentAsk::Unfinished) {
            FragmentReply::Unfinished(batches) => batches.into_iter().map(|one| one.batch).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn product(id: impl Into<Bson>, name: impl Into<Bson>) -> Document {
    doc! { "_id": id.into(), "name": name.into(), "updated_at": DateTime::from_millis(1_000) }
}

fn versions(documents: &[MovingDocument]) -> Vec<Version> {
    documents.iter().map(|one| one.seen.version.clone()).collect()
}

#[test]
fn every_finding_is_found_and_counted() {
    let shop = Shop::open();
    let empty = shop.scan("rsA");
    assert_eq!((empty.documents, empty.misplaced.count, empty.snapshot), (0, 0, true));
    shop.put("rsA", (0..50).map(|number| product(number, format!("Azúcar {number}"))));
    shop.put("rsA", [product("digit", "7up"), product("arabic", "تفاح"), product("emoji", "🍬 Sal")]);
    shop.put("rsA", [product("far", "Sal"), product("near", " ñame"), product("lower", "zumo"), product("more", "Té")]);
    shop.put("rsA", [product("empty", ""), product("unseen", "\u{200b} "), doc! { "_id": "none" }]);
    let wrong: [Bson; 5] = [7.into(), Bson::Null, Bson::Array(vec!["A".into()]), doc! { "a": 1 }.into(), true.into()];
    shop.put("rsA", wrong.into_iter().enumerate().map(|(number, name)| product(format!("wrong {number}"), name)));
    let scan = shop.scan("rsA");
    assert_eq!(scan.documents, 65);
    let counts = [&scan.misplaced, &scan.empty, &scan.without_key, &scan.wrong_type].map(|found| found.count);
    assert_eq!(counts, [4, 2, 1, 5]);
    assert_eq!(scan.belongs, [("single".to_owned(), 4)].into());
    assert_eq!(scan.misplaced.examples.len(), 3, "as many as were asked for");
    let example = &scan.misplaced.examples[0];
    assert_eq!((example.id.as_str(), example.key.as_deref(), example.why.as_str()), ("\"far\"", Some("Sal"), "single"));
    let kinds: Vec<&str> = scan.wrong_type.examples.iter().map(|one| one.why.as_str()).collect();
    assert_eq!(kinds, ["a number", "null", "an array"]);
    let letters: Vec<(&str, u64)> = scan.letters.iter().map(|(name, tally)| (name.as_str(), tally.documents)).collect();
    assert_eq!(letters, [("A", 50), ("N", 1), ("S", 1), ("T", 1), ("Z", 1), ("other", 3)]);
    let bytes: usize =
        shop.all("rsA", "products").iter().map(|one| RawDocumentBuf::try_from(one).unwrap().as_bytes().len()).sum();
    assert_eq!(scan.bytes, bytes as u64);

    // In the other place all of it is the other way round, and no snapshot is to be had.
    shop.put("single", [product(1, "Agua"), product(2, "9"), product(3, "Uva")]);
    let scan = shop.scan("single");
    assert_eq!((scan.documents, scan.misplaced.count, scan.snapshot), (3, 2, false));
}

#[test]
fn digests_lead_to_the_documents() {
    let shop = Shop::open();
    shop.put("rsA", (0..20_001).map(|number| product(number, format!("Azúcar {number}"))));
    let answer = shop.call("rsA", FragmentAsk::Scan { digests: true, examples: 0 });
    let bytes: Vec<Vec<u8>> = answer.parts.iter().map(|part| BASE64_STANDARD.decode(part).unwrap()).collect();
    assert!(bytes.len() > 1, "in pieces");
    let digests: Vec<Digest> = bytes.iter().flat_map(|part| Digest::all_in(part)).collect();
    assert_eq!(digests.len(), 20_001);
    let identify = |digests: Vec<u64>, limit| match shop.ask("rsA", FragmentAsk::Identify { digests, limit }) {
        FragmentReply::Identified(found) => found,
        other => panic!("{other:?}"),
    };
    let found = identify(vec![digests[7].id, digests[20_000].key, 0], 10);
    let shown: Vec<(&str, Option<&str>)> = found.iter().map(|one| (one.shown.as_str(), one.key.as_deref())).collect();
    assert_eq!(shown, [("7", Some("Azúcar 7")), ("20000", Some("Azúcar 20000"))]);
    assert_eq!((found[0].belongs.as_deref(), found[0].updated_at), (Some("rsA"), Some(1_000)));
    assert_eq!(identify(digests.iter().map(|one| one.id).collect(), 3).len(), 3);
    let ids = vec![found[0].version.id.clone(), "BwAAAAA=".to_owned()];
    assert!(shop.call("rsA", FragmentAsk::Holds { ids }).outcome.is_err(), "a damaged identity");
    let elsewhere = shop.ask("single", FragmentAsk::Holds { ids: vec![found[0].version.id.clone()] });
    assert_eq!(elsewhere, FragmentReply::Holds(vec![false]));
    let here = shop.ask("rsA", FragmentAsk::Holds { ids: vec![found[0].version.id.clone()] });
    assert_eq!(here, FragmentReply::Holds(vec![true]));
}

/// From the set to the single mongod and back again.
#[test]
fn documents_move_byte_for_byte_in_both_directions() {
    let shop = Shop::open();
    let odd = doc! { "_id": doc! { "b": 1, "a": 2 }, "name": "Sal", "n": 1_i64, "d": 1.0, "b": Bson::Null, "z": -0.0 };
    let ids: [Bson; 3] = [Bson::ObjectId(ObjectId::new()), 7.into(), "text".into()];
    let mut planted: Vec<Document> = ids.into_iter().map(|id| product(id, "Sal")).collect();
    planted.push(odd);
    shop.put("rsA", planted.clone());
    shop.put("rsA", [product(1, "Agua")]);
    // In small batches, across all types of identities.
    let mut after = None;
    for round in 0..3 {
        let (documents, next) = shop.misplaced("rsA", after, 2);
        assert_eq!(documents.len(), [2, 2, 0][round]);
        let batch = format!("batch {round}");
        assert!(shop.copy("single", &batch, &documents).iter().all(|fate| *fate == Fate::Done));
        let removed = shop.remove("rsA", Some(&batch), &versions(&documents), false);
        assert!(removed.iter().all(|fate| *fate == Fate::Done), "{removed:?}");
        assert_eq!(shop.remove("rsA", Some(&batch), &versions(&documents), false), removed, "asked again");
        let documents = versions(&documents);
        assert_eq!(shop.fates("rsA", FragmentAsk::Judge { batch, documents }), removed);
        after = next;
    }
    assert_eq!(after, None);
    assert_eq!(shop.all("rsA", "products"), [product(1, "Agua")]);
    let mut arrived = shop.all("single", "products");
    let order = |one: &Document| format!("{:?}", one.get("_id"));
    arrived.sort_by_key(order);
    planted.sort_by_key(order);
    let raw = |all: &[Document]| all.iter().map(|one| RawDocumentBuf::try_from(one).unwrap()).collect::<Vec<_>>();
    assert_eq!(raw(&arrived), raw(&planted));
    // What is written down goes when it is told to.
    assert_eq!(shop.unfinished("single"), ["batch 0", "batch 1"]);
    shop.ask("single", FragmentAsk::Finish { batch: "batch 0".into() });
    assert_eq!(shop.scan("single").unfinished, 1);

    shop.put("single", [product(8, "Agua")]);
    let (documents, next) = shop.misplaced("single", None, 10);
    assert_eq!((documents.len(), next), (1, None));
    assert_eq!(shop.copy("rsA", "back", &documents), [Fate::Done]);
    assert_eq!(shop.remove("single", Some("back"), &versions(&documents), false), [Fate::Done]);
    assert_eq!(shop.all("rsA", "products").len(), 2);
}

#[test]
fn what_was_changed_or_deleted_meanwhile_is_left_alone() {
    let shop = Shop::open();
    for [here, there] in [PLACES, ["single", "rsA"]] {
        let name = if here == "rsA" { "Sal" } else { "Agua" };
        shop.put(here, ["same", "changed", "gone"].map(|id| product(id, name)));
        let (documents, _) = shop.misplaced(here, None, 10);
        assert_eq!(shop.copy(there, here, &documents), [Fate::Done, Fate::Done, Fate::Done]);
        // The same value in another type is another document.
        shop.set(here, "changed", doc! { "price": 1.0 });
        let products = shop.collection(here, "products");
        shop.runtime.block_on(async { products.delete_one(doc! { "_id": "gone" }).await }).unwrap();
        let fates = shop.remove(here, Some(here), &versions(&documents), false);
        let of = |id: &str| documents.iter().position(|one| one.seen.version.id == identity(id)).unwrap();
        assert!(matches!(&fates[of("changed")], Fate::Differs(now) if now.shown == "\"changed\""), "{fates:?}");
        assert_eq!((&fates[of("gone")], &fates[of("same")]), (&Fate::Gone, &Fate::Done));
        let judged = shop.fates(here, FragmentAsk::Judge { batch: here.into(), documents: versions(&documents) });
        assert_eq!(judged, fates);
        // Those copies are taken back, but not one that was changed since.
        shop.set(there, "gone", doc! { "price": 2 });
        let back = [of("changed"), of("gone")].map(|at| documents[at].seen.version.clone());
        let fates = shop.remove(there, None, &back, false);
        assert!(matches!(fates[..], [Fate::Done, Fate::Differs(_)]), "{fates:?}");
        assert_eq!(shop.all(there, "products").len(), 2);
        for on in PLACES {
            let products = shop.collection(on, "products");
            shop.runtime.block_on(async { products.delete_many(doc! {}).await }).unwrap();
        }
    }
}

/// An identity as it travels.
fn identity(id: &str) -> String {
    let bytes = mongodb::bson::serialize_to_vec(&doc! { "_id": id }).unwrap();
    BASE64_STANDARD.encode(bytes)
}

#[test]
fn another_copy_stays_and_older_ones_are_kept() {
    let shop = Shop::open();
    shop.put("rsA", [product(1, "Sal")]);
    let newer = doc! { "_id": 1, "name": "Sal", "updated_at": DateTime::from_millis(2_000) };
    shop.put("single", [newer.clone()]);
    let (documents, _) = shop.misplaced("rsA", None, 10);
    let fates = shop.copy("single", "b", &documents);
    let [Fate::Differs(there)] = &fates[..] else { panic!("{fates:?}") };
    let Copied { updated_at, belongs, .. } = &**there;
    assert_eq!((*updated_at, belongs.as_deref()), (Some(2_000), Some("single")));
    assert_eq!(shop.all("single", "products"), [newer]);
    // The same identity is kept twice with two contents, and once where it is the same.
    for on in PLACES {
        let name = if on == "rsA" { "Sal" } else { "Agua" };
        for price in [1, 1, 2] {
            let products = shop.collection(on, "products");
            shop.runtime.block_on(async { products.delete_many(doc! {}).await }).unwrap();
            shop.put(on, [doc! { "_id": 1, "name": name, "price": price }]);
            let (documents, _) = shop.misplaced(on, None, 10);
            assert_eq!(shop.remove(on, None, &versions(&documents), true), [Fate::Done]);
        }
        let kept = shop.all(on, "products_quarantine");
        let prices: Vec<i32> = kept.iter().map(|one| one.get_i32("price").unwrap()).collect();
        assert_eq!((prices.len(), prices.contains(&1), prices.contains(&2)), (2, true, true), "{kept:?}");
        assert_eq!(shop.scan(on).quarantined, 2);
    }
}

#[test]
fn documents_of_nearly_16_mb_and_what_a_database_refuses() {
    // With the smallest cache mongod itself takes no document of 16 MB (error 388).
    let shop = Shop::with_cache("1");
    let big = |id: i32| doc! { "_id": id, "name": "Sal", "text": "x".repeat(16 * 1024 * 1024 - 60) };
    shop.put("rsA", [big(1)]);
    shop.put("rsA", [big(2)]);
    shop.put("rsA", [product(3, "Sal")]);
    let mut after = None;
    for expected in [1, 1, 1] {
        let (documents, next) = shop.misplaced("rsA", after, 100);
        assert_eq!(documents.len(), expected, "one that is too large goes alone");
        assert_eq!(shop.copy("single", "b", &documents), [Fate::Done]);
        assert_eq!(shop.remove("rsA", None, &versions(&documents), false), [Fate::Done]);
        after = next;
    }
    assert_eq!((after, shop.all("single", "products").len()), (None, 3));

    let products = shop.collection("single", "products");
    let unique = mongodb::options::IndexOptions::builder().unique(true).build();
    let index = mongodb::IndexModel::builder().keys(doc! { "code": 1 }).options(unique).build();
    shop.runtime.block_on(async {
        products.delete_many(doc! {}).await.unwrap();
        products.create_index(index).await.unwrap();
    });
    shop.put("single", [doc! { "_id": 4, "name": "Uva", "code": 1 }]);
    shop.put("rsA", [doc! { "_id": 5, "name": "Sal", "code": 1 }, doc! { "_id": 6, "name": "Sal", "code": 2 }]);
    let (documents, _) = shop.misplaced("rsA", None, 10);
    let fates = shop.copy("single", "refused", &documents);
    assert!(matches!(&fates[..], [Fate::Refused(why), Fate::Done] if why.contains("code")), "{fates:?}");
}

#[test]
fn a_place_that_is_away_says_so() {
    let mut shop = Shop::open();
    shop.bench.members[0].kill();
    let ask = FragmentAsk::Scan { digests: true, examples: 1 };
    let failure = shop.call("rsA", ask).outcome.unwrap_err();
    assert_eq!(failure.object, "shop.products on rsA");
    assert!(failure.hint.is_some_and(|hint| hint.contains("distctl status")));
}
