//! A browser as cheap as can be: one kept connection, plain HTTP/1.1, cookies; for it shares the cores with what it measures.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Fault;

/// One member's browser.
pub(crate) struct Browser {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    cookies: BTreeMap<String, String>,
    /// The network that the browser says it is in, as a proxy would.
    network: String,
}

/// What the server said.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long to stay away, if the server says so.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// From the first byte sent to the last one read.
    pub(crate) took: Duration,
}

impl Browser {
    /// A browser in the `number`th network.
    pub(crate) fn new(server: SocketAddr, number: usize) -> Self {
        let (high, low) = (number / 250, number % 250);
        Self {
            server,
            connection: None,
            cookies: BTreeMap::new(),
            network: format!("10.{high}.{low}.1"),
        }
    }

    /// Opens the connection, which is no part of what a request takes.
    pub(crate) async fn connect(&mut self) -> Result<(), Fault> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(self.server).await?;
            stream.set_nodelay(true)?;
            self.connection = Some(BufReader::with_capacity(4096, stream));
        }
        Ok(())
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Fault> {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Fault> {
        self.send("POST", path, Some(body.to_string())).await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> Result<Answer, Fault> {
        self.send("DELETE", path, None).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, Fault> {
        self.connect().await?;
        let request = self.request(method, path, body.as_deref());
        let connection = self.connection.as_mut().ok_or("no connection")?;
        let began = Instant::now();
        connection.write_all(request.as_bytes()).await?;
        let mut answer = Answer {
            status: 0,
            retry_after: None,
            body: Vec::new(),
            took: Duration::ZERO,
        };
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if connection.read_line(&mut line).await? == 0 {
                return Err(format!("{method} {path}: the server hung up").into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if answer.status == 0 {
                let status = line.split(' ').nth(1).unwrap_or_default();
                answer.status = status.parse()?;
                continue;
            }
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name {
                "content-length" => length = value.parse()?,
                "retry-after" => answer.retry_after = Some(Duration::from_secs(value.parse()?)),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    let (name, value) = pair.split_once('=').unwrap_or_default();
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        answer.body.resize(length, 0);
        connection.read_exact(&mut answer.body).await?;
        answer.took = began.elapsed();
        Ok(answer)
    }

    fn request(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let Self {
            server,
            cookies,
            network,
            ..
        } = self;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {server}\r\nx-forwarded-for: {network}\r\nuser-agent: journeys\r\n"
        );
        if !cookies.is_empty() {
            let pairs: Vec<_> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            request.extend(["cookie: ", &pairs.join("; "), "\r\n"]);
        }
        if let Some(body) = body {
            let length = body.len().to_string();
            let media = "content-type: application/json\r\ncontent-length: ";
            request.extend([media, &length, "\r\n"]);
        }
        request.push_str("\r\n");
        request.push_str(body.unwrap_or_default());
        request
    }
}
