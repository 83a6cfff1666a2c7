//! Clients that are slow or idle, and how serving ends.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::fixture::{PATIENCE, Service};

const SLOW: &str = "GET /slow HTTP/1.1\r\nhost: here\r\n\r\n";

#[tokio::test]
async fn cuts_off_who_trickles_a_head() {
    let service = Service::start().await;
    let mut connection = service.connect().await;
    let begin = Instant::now();
    connection.send("GET /slow HTTP/1.1\r\n").await;
    let trickle = async {
        loop {
            connection.send("x: y\r\n").await;
            sleep(Duration::from_millis(500)).await;
        }
    };
    // Trickles until the deadline of the head is behind it, which must end the connection all the same.
    let _ = timeout(Duration::from_secs(4), trickle).await;
    let answer = connection.rest().await;
    assert!(!answer.contains(" 200 "), "{answer}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert_eq!(service.ask("GET /x HTTP/1.0\r\n\r\n").await.split(' ').nth(1), Some("404"));
}

#[tokio::test]
async fn lets_requests_in_flight_finish_and_takes_no_more() {
    let mut service = Service::start().await;
    let idle = service.connect().await;
    let mut connection = service.connect().await;
    connection.send(SLOW).await;
    service.arrived.notified().await;
    service.stop();
    let refused = async {
        while TcpStream::connect(service.address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, refused).await.expect("connections are still taken");
    service.go.notify_one();
    let answer = connection.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("late"), "{answer}");
    service.stopped().await;
    drop(idle);
}

#[tokio::test]
async fn does_not_wait_forever_for_requests_in_flight() {
    let mut service = Service::start().await;
    let mut connection = service.connect().await;
    connection.send(SLOW).await;
    service.arrived.notified().await;
    let begin = Instant::now();
    service.stop();
    service.stopped().await;
    assert!((9..20).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}
