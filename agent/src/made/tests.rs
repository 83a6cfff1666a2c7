use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use protocol::Credential;
use serde_json::json;

use super::*;

/// A service that has products by identity, and answers as one does that ignores what a list is asked for.
struct Shop {
    host: String,
    products: Arc<Mutex<BTreeMap<String, String>>>,
    folder: tempfile::TempDir,
}

impl Shop {
    fn open(products: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let products: BTreeMap<String, String> =
            products.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        let products = Arc::new(Mutex::new(products));
        let shared = Arc::clone(&products);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &shared)));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), "secret").unwrap();
        Self { host, products, folder }
    }

    fn occasion(&self) -> Occasion {
        let password_file = self.folder.path().join("password").to_string_lossy().into_owned();
        let credential = Credential { user: "admin".into(), password_file };
        Occasion::new(AppTarget { host: self.host.clone(), credential }, "a-run", "category=a-run".into())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("made.jsonl")
    }

    fn put(&self, id: &str, name: &str) {
        self.products.lock().unwrap().insert(id.to_owned(), name.to_owned());
    }

    fn left(&self) -> Vec<String> {
        self.products.lock().unwrap().keys().cloned().collect()
    }
}

fn answer(stream: TcpStream, products: &Mutex<BTreeMap<String, String>>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).unwrap();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        let header = line.to_ascii_lowercase();
        length = header.strip_prefix("content-length:").map_or(length, |number| number.trim().parse().unwrap());
        line.clear();
    }
    io::copy(&mut reader.by_ref().take(length), &mut io::sink()).unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap_or_default());
    let mut products = products.lock().unwrap();
    let shown = |(id, name): (&String, &String)| json!({ "_id": id, "name": name, "stock": 1 });
    let (status, body) = match (method, path.split('?').next().unwrap().strip_prefix("/products/")) {
        ("POST", _) => (200, json!({ "token": "t" })),
        ("GET", None) => (200, json!({ "products": products.iter().map(shown).collect::<Vec<_>>() })),
        ("GET", Some(id)) => products.get_key_value(id).map_or((404, json!({})), |one| (200, shown(one))),
        (_, id) => (if products.remove(id.unwrap()).is_some() { 200 } else { 404 }, json!({})),
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = reader.into_inner().write_all((head + &body).as_bytes());
}

/// The case that deleted a shop: the service ignores what the list is asked for, so that it shows all there is.
#[tokio::test]
async fn products_of_others_are_never_deleted_whatever_a_list_shows() {
    let shop = Shop::open(&[("64f0", "Azúcar"), ("64f1", "B drill 2"), ("64f2", "C drill 3 a-run 0123456789abcdef")]);
    let occasion = shop.occasion();
    let made = Made::begin(&shop.file(), &occasion).unwrap();
    for (id, op) in [("0001", 1), ("0002", 2)] {
        shop.put(id, &format!("B drill {op} {}", occasion.mark));
        made.add(id);
    }
    // Nobody answered when this one was made.
    shop.put("0003", &format!("D drill 3 {}", occasion.mark));
    let visitor = log_in(&occasion.target, Deadline::after_ms(5_000)).await.unwrap();
    let listed = list(&visitor, &occasion).await.unwrap();
    assert_eq!(listed.own.values().collect::<Vec<_>>(), ["B drill 1", "B drill 2", "D drill 3"]);
    assert_eq!((listed.foreign, listed.examples[0].as_str()), (3, "\"Azúcar\" (64f0)"));
    remove(&shop.file(), Deadline::after_ms(5_000)).await.unwrap();
    assert_eq!(shop.left(), ["64f0", "64f1", "64f2"]);
    assert!(!shop.file().exists());
    remove(&shop.file(), Deadline::after_ms(0)).await.unwrap();
}

/// An identity that was written down is no permission: what is there must still bear the mark.
#[tokio::test]
async fn an_identity_that_another_product_has_now_is_left_alone() {
    let shop = Shop::open(&[("0001", "Azúcar")]);
    let made = Made::begin(&shop.file(), &shop.occasion()).unwrap();
    made.add("0001");
    made.add("../auth/users");
    let refused = remove(&shop.file(), Deadline::after_ms(0)).await.unwrap_err();
    assert!(refused.to_string().contains("shows another product at /products/0001"), "{refused}");
    assert_eq!(shop.left(), ["0001"]);
    assert!(shop.file().exists(), "who was told of it can look");
}

#[test]
fn a_file_that_breaks_off_tells_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.jsonl");
    assert_eq!(Written::read(&path).unwrap(), None);
    let credential = Credential { user: "admin".into(), password_file: "/p".into() };
    let occasion = Occasion::new(AppTarget { host: "h:1".into(), credential }, "a-run", "q=x".into());
    let text = serde_json::to_string(&occasion).unwrap();
    fs::write(&path, &text[..20]).unwrap();
    assert_eq!((Written::read(&path).unwrap(), Occasion::read(&path).unwrap()), (None, None));
    fs::write(&path, format!("{text}\n0001\n00")).unwrap();
    assert_eq!(Written::read(&path).unwrap().unwrap().ids, BTreeSet::from(["0001".to_owned()]));
    assert_eq!(Occasion::read(&path).unwrap(), Some(occasion));
}
