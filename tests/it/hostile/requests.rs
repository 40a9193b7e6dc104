//! Bytes that are no request, or a request that no browser sends.

/// Each with its name and the statuses that answer it, if any comes back.
#[expect(clippy::too_many_lines, reason = "one table")]
pub(super) fn requests(host: &str) -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let text = |text: &str| {
        text.replace("HOST", host)
            .replace('\n', "\r\n")
            .into_bytes()
    };
    let with = |lines: &str| {
        text(&format!(
            "GET /healthz HTTP/1.1\nHost: HOST\nConnection: close\n{lines}\n\n"
        ))
    };
    let post = |lines: &str| {
        text(&format!(
            "POST /api/v1/sessions HTTP/1.1\nHost: HOST\nContent-Type: application/json\nConnection: close\n{lines}"
        ))
    };
    vec![
        ("nothing but line ends", text("\n\n\n\n"), &[]),
        ("NUL", vec![0; 4096], &[400]),
        (
            "a TLS greeting",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(9),
            &[400],
        ),
        (
            "another protocol",
            text("EHLO evil.example\nMAIL FROM:<>\n"),
            &[400],
        ),
        ("HTTP/0.9", text("GET /\n\n"), &[400]),
        (
            "HTTP/2 at once",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            &[400],
        ),
        ("HTTP/9.9", text("GET / HTTP/9.9\nHost: HOST\n\n"), &[400]),
        ("no address", text("GET HTTP/1.1\nHost: HOST\n\n"), &[400]),
        (
            "spaces in the address",
            text("GET /a b HTTP/1.1\nHost: HOST\n\n"),
            &[400],
        ),
        (
            "NUL in the address",
            b"GET /\0 HTTP/1.1\r\n\r\n".to_vec(),
            &[400],
        ),
        (
            "100 KB of an address",
            text(&format!(
                "GET /{} HTTP/1.1\nHost: HOST\n\n",
                "a".repeat(100_000)
            )),
            &[414],
        ),
        ("a line that goes on", with("X-A: b\n c"), &[400]),
        (
            "a space before the colon",
            with("Host : evil.example"),
            &[400],
        ),
        ("NUL in a cookie", with("Cookie: kadode=a\0b"), &[400]),
        (
            "a naked carriage return",
            with("X-A: b\rHost: evil.example"),
            &[400],
        ),
        ("10,000 headers", with(&"X-A: b\n".repeat(10_000)), &[431]),
        (
            "one header of 1 MB",
            with(&format!("X-A: {}", "a".repeat(1 << 20))),
            &[431],
        ),
        (
            "a cookie of 64 KB",
            with(&format!("Cookie: {}", "a".repeat(64 << 10))),
            &[200],
        ),
        (
            "no host",
            text("GET / HTTP/1.1\nConnection: close\n\n"),
            &[421],
        ),
        ("no host in HTTP/1.0", text("GET / HTTP/1.0\n\n"), &[421]),
        (
            "two hosts",
            text("GET / HTTP/1.1\nHost: HOST\nHost: evil.example\nConnection: close\n\n"),
            &[421],
        ),
        (
            "a host with a user",
            text("GET / HTTP/1.1\nHost: HOST@HOST\nConnection: close\n\n"),
            &[421],
        ),
        (
            "another host in the address",
            text("GET http://evil.example/ HTTP/1.1\nHost: HOST\nConnection: close\n\n"),
            &[421],
        ),
        (
            "a tunnel",
            text("CONNECT evil.example:443 HTTP/1.1\nHost: HOST\nConnection: close\n\n"),
            &[421],
        ),
        (
            "every address at once",
            text("OPTIONS * HTTP/1.1\nHost: HOST\nConnection: close\n\n"),
            &[404],
        ),
        (
            "a length that is none",
            post("Content-Length: two\n\n{}"),
            &[400],
        ),
        (
            "a length below nothing",
            post("Content-Length: -1\n\n{}"),
            &[400],
        ),
        (
            "a length beyond all numbers",
            post("Content-Length: 99999999999999999999\n\n{}"),
            &[400],
        ),
        (
            "two lengths",
            post("Content-Length: 2\nContent-Length: 3\n\n{}"),
            &[400],
        ),
        (
            "a length and chunks",
            post("Content-Length: 2\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n"),
            &[400, 422],
        ),
        (
            "chunks of garbage",
            post("Transfer-Encoding: chunked\n\nzz\n{}\n"),
            &[400],
        ),
        (
            "a chunk beyond all numbers",
            post("Transfer-Encoding: chunked\n\nffffffffffffffffff\n{}\n"),
            &[400],
        ),
        (
            "a chunk of 16 TB",
            post("Transfer-Encoding: chunked\n\nfffffffffff\n{}\n"),
            &[400],
        ),
        (
            "coding that is not chunks",
            post("Transfer-Encoding: gzip\n\n{}"),
            &[400],
        ),
        (
            "an expectation",
            post("Expect: 100-continue\nContent-Length: 9999999999\n\n"),
            &[100, 400],
        ),
        (
            "10 MB",
            [post("Content-Length: 10485760\n\n"), vec![b' '; 10 << 20]].concat(),
            &[413],
        ),
    ]
}
