//! Bytes on a socket that are no request, or one that does not end; clients that take no answers, or too many connections.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use kadode::app::Limits;

use super::Target;
use super::requests::requests;
use crate::support::app::{App, Setup};

/// How long a request may take here; the program's own patience is longer than a test's.
const PATIENCE: Duration = Duration::from_millis(300);

/// What has no end is cut off after so long, or is not cut off at all.
const NEVER: Duration = Duration::from_secs(15);

/// Sends bytes and reads what comes back until the program hangs up; a reset is an end too.
async fn exchange(app: &App, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://"))
        .await
        .unwrap();
    // The program may have hung up before all of it was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(NEVER, stream.read_to_end(&mut answer)).await;
    assert!(
        reading.is_ok(),
        "nobody hangs up on {}",
        String::from_utf8_lossy(&bytes[..bytes.len().min(100)])
    );
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of the answers on one connection.
fn statuses(answer: &str) -> Vec<u16> {
    let rest = answer.split("HTTP/1.").skip(1);
    rest.map(|rest| rest.split(' ').nth(1).unwrap().parse().unwrap())
        .collect()
}

async fn impatient() -> App {
    with_patience(PATIENCE).await
}

async fn with_patience(patience: Duration) -> App {
    let limits = Limits {
        patience,
        ..Limits::of_this_process()
    };
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    App::start_as(setup).await
}

/// A connection on which little is under way before the client reads it.
async fn narrow(app: &App) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let address = app.url.trim_start_matches("http://").parse().unwrap();
    socket.connect(address).await.unwrap()
}

/// A request for one of the larger answers.
fn request_for_much(app: &App) -> String {
    let host = app.url.trim_start_matches("http://");
    format!("GET /api/v1/openapi.json HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_next_one_served() {
    let target = Target::new().await;
    let impatient = impatient().await;
    let host = impatient.url.trim_start_matches("http://").to_owned();
    for (name, bytes, expected) in requests(&host) {
        let answered = statuses(&exchange(&impatient, &bytes).await);
        // A reset may overtake the answer.
        let right = answered.is_empty() || answered.iter().all(|status| expected.contains(status));
        assert!(right, "{name}: {answered:?}");
        let next = impatient
            .client()
            .send_raw(reqwest::Method::GET, "/healthz", "", &[])
            .await;
        assert_eq!(next.text, "ok\n", "after {name}");
    }
    target.log.tells_of_nothing_amiss();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_while_others_are_served() {
    let app = impatient().await;
    let host = app.url.trim_start_matches("http://");
    for begun in [
        String::new(),
        "GET / HTTP/1.1\r\nHo".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: b\r\n"),
        format!(
            "POST /api/v1/sessions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        ),
        format!(
            "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nuser"
        ),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        let began = Instant::now();
        let answered = statuses(&exchange(&app, begun.as_bytes()).await);
        assert!(began.elapsed() >= PATIENCE, "{begun}");
        assert!(
            answered
                .iter()
                .all(|status| [200, 400, 408].contains(status)),
            "{begun}: {answered:?}"
        );
    }
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_cut_off_too() {
    let app = impatient().await;
    let host = app.url.trim_start_matches("http://");
    let head = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    );
    for (whole, rest) in [
        ("", "GET / HTTP/1.1\r\nX-A: ".to_owned() + &"a".repeat(1000)),
        (&*head, " ".repeat(99)),
    ] {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(whole.as_bytes()).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let dripping = async {
            for byte in rest.bytes() {
                if writing.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(PATIENCE / 6).await;
            }
            std::future::pending::<()>().await;
        };
        let mut answer = Vec::new();
        tokio::select! {
            () = dripping => {}
            ended = tokio::time::timeout(NEVER, reading.read_to_end(&mut answer)) => assert!(ended.is_ok(), "{rest}"),
        }
    }
}

#[tokio::test]
async fn who_asks_on_and_on_and_takes_no_answer_is_cut_off() {
    let app = impatient().await;
    let request = request_for_much(&app);
    let mut stream = narrow(&app).await;
    let asking = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    let ended = tokio::time::timeout(NEVER, asking).await;
    assert!(ended.is_ok(), "nobody hangs up");
}

#[tokio::test]
async fn who_takes_answers_slowly_gets_them_all() {
    // Longer than a busy machine lets this client wait for its turn.
    let patience = PATIENCE * 4;
    let app = with_patience(patience).await;
    let request = request_for_much(&app);
    let mut stream = narrow(&app).await;
    let began = Instant::now();
    stream
        .write_all(request.repeat(60).as_bytes())
        .await
        .unwrap();
    let mut answers = Vec::new();
    let mut some = vec![0; 64 << 10];
    while String::from_utf8_lossy(&answers)
        .matches("HTTP/1.1 200")
        .count()
        < 60
    {
        let count = stream.read(&mut some).await.unwrap();
        assert!(count > 0, "cut off after {}", answers.len());
        answers.extend_from_slice(&some[..count]);
        tokio::time::sleep(PATIENCE / 15).await;
    }
    assert!(began.elapsed() > patience);
}

#[tokio::test]
async fn a_connection_too_many_waits_until_another_ends() {
    let limits = Limits {
        connections: 2,
        ..Limits::of_this_process()
    };
    let app = App::start_as(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let host = app.url.trim_start_matches("http://");
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        open.push(stream);
    }
    let mut some = [0; 12];
    for stream in &mut open[..2] {
        stream.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"HTTP/1.1 200");
    }
    let early = tokio::time::timeout(PATIENCE, open[2].read_exact(&mut some)).await;
    assert!(early.is_err(), "the third is answered beside the others");
    open.remove(0);
    open[1].read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"HTTP/1.1 200");
}
