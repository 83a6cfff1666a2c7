//! What is written comes back.
use bundle::*;
#[test]
fn smoke() {
    use std::io::{Cursor, Read, Write};
    let w = Writer::create(Vec::new(), &"head").unwrap();
    let mut p = w.piece("a").unwrap();
    p.write_all(b"hello").unwrap();
    p.finish().unwrap();
    let out = w.finish(&"man").unwrap();
    let mut b = Bundle::open(Cursor::new(&out)).unwrap();
    let mut s = String::new();
    b.read("a").unwrap().read_to_string(&mut s).unwrap();
    assert_eq!(s, "hello");
    verify(Cursor::new(&out), |_, _| ()).unwrap();
}
