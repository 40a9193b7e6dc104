//! Where a request ends, if two things say it differently.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::App;

/// Everything answered on one connection to these bytes.
async fn answers(app: &App, bytes: &str) -> String {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn of_a_length_and_chunks_the_chunks_count_and_nothing_behind_them_is_a_request() {
    let app = App::start().await;
    let host = app.url.trim_start_matches("http://");
    // The length ends behind the request that is hidden in the body; the chunks end before it.
    let hidden = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    for lines in [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked",
            5 + hidden.len()
        ),
        format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {}",
            5 + hidden.len()
        ),
    ] {
        let smuggling = format!(
            "POST /api/v1/sessions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{lines}\r\n\r\n0\r\n\r\n{hidden}"
        );
        let answered = answers(&app, &smuggling).await;
        assert_eq!(answered.matches("HTTP/1.1 ").count(), 1, "{answered}");
        assert!(!answered.contains("\r\n\r\nok\n"), "{answered}");
    }
}
