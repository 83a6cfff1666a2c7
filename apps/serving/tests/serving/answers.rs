//! What is answered, whatever is asked.

use serving::BODY_LIMIT;

use crate::fixture::Service;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
}

fn post(body: &str) -> String {
    let head = "POST /echo HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn says_in_json_what_is_not_there() {
    let service = Service::start().await;
    let answer = service.ask(&get("/nowhere?secret=1")).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert_eq!(body(&answer), r#"{"message":"No existe /nowhere"}"#);
    let answer = service.ask(&get("/echo")).await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nallow: POST\r\n"), "{answer}");
    assert_eq!(body(&answer), r#"{"message":"/echo no acepta GET"}"#);
}

#[tokio::test]
async fn survives_a_panic_and_keeps_its_text() {
    let service = Service::start().await;
    for _ in 0..2 {
        let answer = service.ask(&get("/panic")).await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert_eq!(body(&answer), r#"{"message":"Error interno del servidor"}"#);
    }
}

#[tokio::test]
async fn protects_browsers_and_names_requests() {
    let service = Service::start().await;
    let answer = service.ask(&get("/nowhere").replace("host:", "x-request-id: abc-7\r\nhost:")).await;
    for header in [
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "referrer-policy: same-origin",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'",
        "x-request-id: abc-7",
    ] {
        assert!(answer.contains(&format!("\r\n{header}\r\n")), "{header} is missing: {answer}");
    }
}

#[tokio::test]
async fn reads_bodies_up_to_their_limit_and_says_400_beyond() {
    let service = Service::start().await;
    let fill = |size: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(size - 8));
    let largest = fill(BODY_LIMIT);
    assert_eq!(body(&service.ask(&post(&largest)).await), largest);
    for size in [BODY_LIMIT + 1, 1 << 20] {
        let answer = service.ask(&post(&fill(size))).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(body(&answer), r#"{"message":"El cuerpo supera el máximo de 64 KiB"}"#);
    }
}
