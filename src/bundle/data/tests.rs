//! Which data goes where, and what a bundle says of it.

use protocol::{CollectionKind, CollectionName};

use super::*;
use crate::bundle::{Kind, Manifest};

#[test]
fn what_a_collection_is_made_with_comes_back() {
    let name = CollectionName { database: "shop".into(), collection: "a/b".into() };
    let collection = Collection {
        name,
        kind: CollectionKind::Timeseries,
        uuid: None,
        options: "BQAAAAA=".into(),
        indexes: vec!["BQAAAAA=".into()],
    };
    let made = Made { collection, holds: Holds { documents: 2, bytes: 10 } };
    let text = serde_json::to_string(&made).expect("JSON");
    assert_eq!(
        text,
        r#"{"name":{"database":"shop","collection":"a/b"},"kind":"timeseries","options":"BQAAAAA=","indexes":["BQAAAAA="],"documents":2,"bytes":10}"#
    );
    assert_eq!(serde_json::from_str::<Made>(&text).expect("a collection"), made);
}

#[test]
fn a_manifest_says_what_kind_it_is_of() {
    let text = r#"{"id":"1","topology":"shop","distctl":"0.1.0","cut":{"snapshot":"s","containers":["a"],"how":"stopped",
        "at":"2026-11-01T00:00:00Z"},"server":{"incus":"6.0.4","architecture":"x86_64"},"network":"10.1.0.1/24",
        "containers":{"a":{"piece":"containers/a.tar","ipv4":"10.1.0.2","size":3}}}"#;
    let manifest: Manifest = serde_json::from_str(text).expect("a manifest");
    assert_eq!((manifest.kind, manifest.told().as_str()), (Kind::Full, "1 container"));
    let holds = Holds { documents: 2, bytes: 10 };
    let held = Held { made: "data/a/b/c.json".into(), content: Some("data/a/b/c.bson".into()), holds };
    let view = Held { made: "data/a/b/d.json".into(), content: None, holds: Holds::default() };
    let database = Database { is_set: true, mongod: "6.0.5".into(), collections: vec![held, view] };
    let databases = BTreeMap::from([("a".to_owned(), database)]);
    let data = Manifest { kind: Kind::Data, containers: BTreeMap::new(), databases, ..manifest };
    assert_eq!(data.told(), "data of 1 database: 2 documents in 2 collections");
    let text = serde_json::to_string(&data).expect("JSON");
    assert_eq!(serde_json::from_str::<Manifest>(&text).expect("a manifest"), data);
    // Whoever knows no kinds misses it, and refuses.
    assert!(!text.contains("\"containers\":{}") && text.contains("\"kind\":\"data\""), "{text}");
}

#[test]
fn data_goes_where_it_is_told_to() {
    let database = Database { is_set: true, mongod: "6.0.5".into(), collections: Vec::new() };
    let held: BTreeMap<_, _> = ["rsA", "rsB"].map(|name| (name.to_owned(), database.clone())).into();
    let go = |renamed: &[(&str, &str)], known: &[&str]| {
        let renamed: Vec<_> = renamed.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
        let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        let gone = targets(&held, &renamed, &known.iter().collect()).map_err(|error| error.to_string());
        gone.map(|targets| targets.into_values().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(go(&[], &["rsA", "rsB", "more"]), Ok("rsA rsB".into()));
    assert_eq!(go(&[("rsA", "rsB"), ("rsB", "rsA")], &["rsA", "rsB"]), Ok("rsB rsA".into()));
    insta::assert_snapshot!(
        [go(&[], &["rsA"]), go(&[("rsA", "rsB")], &["rsB"]), go(&[("rsC", "rsA")], &["rsA", "rsB"]), go(&[], &[])]
            .map(Result::unwrap_err)
            .join("\n"),
        @r"
    the data of rsB has no place: the topology names no replica set or mongod rsB, but rsA
    the data of rsA and of rsB would both go into rsB
    the bundle has no data of rsC; it has that of rsA, rsB
    the data of rsA has no place: the topology names no replica set or mongod rsA, but none
    "
    );
}
