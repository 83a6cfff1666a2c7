//! Products: where they go, what is told of them, how they move.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{id, make, product, stage};
use crate::harness::Http;

#[test]
fn a_product_goes_to_the_fragment_of_its_name() {
    let stage = stage();
    let admin = stage.admin();
    let cases = [
        ("Azúcar", "DB1 (A-M)"),
        ("álamo", "DB1 (A-M)"),
        ("maíz", "DB1 (A-M)"),
        ("Sal", "DB2 (N-Z)"),
        ("ñame", "DB2 (N-Z)"),
        ("Zumo", "DB2 (N-Z)"),
        ("7 Leguas", "DB1 (default)"),
        ("мёд", "DB1 (default)"),
    ];
    for (name, label) in cases {
        let made = admin.post("/products", &product(name));
        assert_eq!(made.says(201), format!("Producto creado exitosamente en {label}"), "{name}");
        let product = &made.is(201)["product"];
        let told = (&product["name"], &product["price"], &product["stock"], &product["database"]);
        assert_eq!(told, (&json!(name), &json!(12.5), &json!(7), &json!(&label[..3])));
        assert!(text(product, "created_at").parse::<jiff::Timestamp>().is_ok(), "{product}");
        assert_eq!(product["created_at"], product["updated_at"]);
    }
    assert_eq!(stage.names("rsA"), ["7 Leguas", "Azúcar", "maíz", "álamo", "мёд"]);
    assert_eq!(stage.names("rsB"), ["Sal", "Zumo", "ñame"]);
    let held = &stage.held("rsB")[0];
    assert_eq!((&held["price"], &held["stock"]), (&json!(12.5), &json!(7)));
    assert_eq!((&held["description"], &held["category"]), (&json!("para la prueba"), &json!("prueba")));
    assert!(held["_id"]["$oid"].is_string() && held["created_at"]["$date"].is_string(), "{held}");
    // The list has them all, from both at once.
    let list = admin.get("/products").is(200);
    assert_eq!(list["count"], cases.len());
    let told: BTreeSet<(&str, &str)> = rows(&list).map(|row| (text(row, "name"), text(row, "database"))).collect();
    assert_eq!(told, cases.iter().map(|(name, label)| (*name, &label[..3])).collect());
}

#[test]
fn a_product_is_read_changed_and_deleted() {
    let stage = stage();
    let admin = stage.admin();
    let path = format!("/products/{}", make(&admin, "Sal"));
    let before = admin.get(&path).is(200);
    assert_eq!((&before["name"], &before["database"]), (&json!("Sal"), &json!("DB2")));

    let changed = admin.put(&path, &json!({ "price": 3 }));
    assert_eq!(changed.says(200), "Producto actualizado exitosamente");
    let after = admin.get(&path).is(200);
    assert_eq!(changed.is(200)["product"], after);
    assert_eq!((&after["price"], &after["stock"], &after["name"]), (&json!(3.0), &json!(7), &json!("Sal")));
    assert_eq!(after["created_at"], before["created_at"]);
    assert!(text(&after, "updated_at") > text(&before, "updated_at"), "{after}");
    assert_eq!(stage.held("rsB")[0]["price"], 3.0);

    let deleted = admin.delete(&path);
    assert_eq!(deleted.says(200), "Producto eliminado exitosamente");
    assert_eq!(deleted.is(200)["deleted_from"], "DB2");
    assert!(stage.names("rsB").is_empty());
    for answer in [admin.get(&path), admin.put(&path, &json!({ "price": 4 })), admin.delete(&path)] {
        answer.says(404);
    }
    // A change is not a way to make one.
    assert!(stage.names("rsA").is_empty() && stage.names("rsB").is_empty());
}

#[test]
fn a_new_name_moves_a_product_and_keeps_its_identity() {
    let stage = stage();
    let admin = stage.admin();
    let before = admin.post("/products", &product("Azúcar")).is(201)["product"].clone();
    let path = format!("/products/{}", id(&before));
    let moved = admin.put(&path, &json!({ "name": "Panela", "stock": 8 })).is(200)["product"].clone();
    let told = (&moved["_id"], &moved["name"], &moved["database"], &moved["stock"], &moved["created_at"]);
    assert_eq!(told, (&before["_id"], &json!("Panela"), &json!("DB2"), &json!(8), &before["created_at"]));
    assert!(stage.names("rsA").is_empty());
    let held = stage.held("rsB");
    assert_eq!((held.len(), &held[0]["_id"]["$oid"], &held[0]["name"]), (1, &before["_id"], &json!("Panela")));
    assert_eq!(admin.get(&path).is(200), moved);
    // And back, to where what begins with no letter is.
    admin.put(&path, &json!({ "name": "3 Panelas" })).is(200);
    assert_eq!((stage.names("rsA"), stage.names("rsB")), (vec!["3 Panelas".to_owned()], vec![]));
    assert_eq!(admin.delete(&path).is(200)["deleted_from"], "DB1");
}

#[test]
fn of_two_copies_the_newest_is_the_product() {
    let stage = stage();
    let admin = stage.admin();
    let path = format!("/products/{}", make(&admin, "Sal"));
    // As a crash in the middle of a move leaves it: the older copy where the product was.
    let copy = "client.products_db.products.insert_one({'_id': __import__('bson').ObjectId('ID'), 'name': 'Azúcar', \
                'description': '', 'category': 'prueba', 'price': 1.0, 'stock': 1, \
                'created_at': __import__('datetime').datetime(2020, 1, 1), \
                'updated_at': __import__('datetime').datetime(2020, 1, 1)}).acknowledged";
    stage.platform.admin("rsA").eval(&copy.replace("ID", &path["/products/".len()..]));
    for query in ["", "?q=azucar", "?category=prueba"] {
        let list = admin.get(&format!("/products{query}")).is(200);
        let names: Vec<&str> = rows(&list).map(|row| text(row, "name")).collect();
        assert_eq!(names, if query == "?q=azucar" { vec![] } else { vec!["Sal"] }, "{query}");
    }
    assert_eq!(admin.get(&path).is(200)["database"], "DB2");
    assert_eq!(admin.delete(&path).is(200)["deleted_from"], "DB2");
    assert!(stage.names("rsA").is_empty() && stage.names("rsB").is_empty());
    admin.get(&path).says(404);
}

#[test]
fn pages_show_each_product_once() {
    let stage = stage();
    let admin = stage.admin();
    let made: BTreeSet<String> =
        ["Arroz", "Tomate", "Canela", "Uva", "Dátil", "Vino", "Higo"].map(|name| make(&admin, name)).into();
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = admin.get(&format!("/products?limit=3&cursor={cursor}")).is(200);
        assert_eq!(page["count"], rows(&page).count());
        seen.extend(rows(&page).map(id));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, seen.len()), (3, made.len()));
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), made);
    for wrong in ["limit=0", "limit=5001", "limit=x", "cursor=x", "cursor=%7B%22%24gt%22:%22%22%7D"] {
        admin.get(&format!("/products?{wrong}")).says(400);
    }
}

#[test]
fn what_is_looked_for_is_found_in_both_fragments() {
    let stage = stage();
    let admin = stage.admin();
    for (name, description, category) in
        [("Azúcar", "blanca", "dulces"), ("Panela", "AZUCAR de caña", "dulces"), ("Sal", "100% (mar)", "especias")]
    {
        let body = json!({ "name": name, "description": description, "category": category, "price": 1, "stock": 1 });
        admin.post("/products", &body).is(201);
    }
    let found = |query: &str| found(&admin, query);
    assert_eq!(found("q=azucar"), ["Azúcar", "Panela"]);
    assert_eq!(found("q=AZ%C3%9ACAR"), ["Azúcar", "Panela"]);
    assert_eq!(found("q=cana"), ["Panela"]);
    // It is text, not a pattern.
    assert_eq!(found("q=.*"), [""; 0]);
    assert_eq!(found("q=100%25%20(mar)"), ["Sal"]);
    assert_eq!(found("category=dulces"), ["Azúcar", "Panela"]);
    assert_eq!(found("category=dulces&q=blanca"), ["Azúcar"]);
    assert_eq!(found("category=nada"), [""; 0]);
}

fn found(caller: &Http, query: &str) -> Vec<String> {
    let list = caller.get(&format!("/products?{query}")).is(200);
    let mut names: Vec<String> = rows(&list).map(|row| text(row, "name").to_owned()).collect();
    names.sort();
    names
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list["products"].as_array().unwrap().iter()
}

fn text<'a>(product: &'a Value, key: &str) -> &'a str {
    product[key].as_str().unwrap()
}
