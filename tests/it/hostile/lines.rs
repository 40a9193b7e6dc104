//! Header lines that no browser sends.

use axum::http::HeaderValue;

use super::value;

/// Header lines that come with one request.
pub(super) type Lines = Vec<(&'static str, HeaderValue)>;

/// Each with its name.
pub(super) fn lines() -> Vec<(String, Lines)> {
    let one = |name: &'static str, bytes: &[u8]| vec![(name, value(bytes))];
    let mut all = Vec::new();
    for cookie in [
        "",
        ";;;",
        "=",
        "kadode",
        "kadode=",
        "kadode=;kadode=",
        "kadode=a; kadode=b",
        "kadode=\"a;b\"",
        "kadode=%00%ff%zz",
        "kadode-form=AAAA; kadode-device=.; kadode-lang=xx",
        "kadode-device=AAAAAAAAAAAAAAAAAAAAAA.AAAA",
        "kadode-lang=\"en\"",
    ] {
        all.push((
            format!("the cookie {cookie}"),
            one("cookie", cookie.as_bytes()),
        ));
    }
    for length in [4 << 10, 64 << 10] {
        for name in [
            "kadode",
            "kadode-form",
            "kadode-device",
            "kadode-lang",
            "other",
        ] {
            let cookie = format!("{name}={}", "A".repeat(length));
            all.push((
                format!("{length} bytes of the cookie {name}"),
                one("cookie", cookie.as_bytes()),
            ));
        }
    }
    all.push((
        "a cookie beyond ASCII".to_owned(),
        one("cookie", b"kadode=\xe6\x97\xa5\xff; kadode-lang=\x80"),
    ));
    all.push((
        "two cookie lines".to_owned(),
        [one("cookie", b"kadode=a"), one("cookie", b"kadode=b")].concat(),
    ));
    for (name, bytes) in [
        ("content-type", &b"application/json"[..]),
        ("content-type", b"\xff"),
        ("content-type", b";charset=;="),
        ("content-type", b"text/html; charset=utf-7"),
        ("content-encoding", b"gzip"),
        ("content-length", b"0"),
        ("transfer-encoding", b"gzip, chunked"),
        ("x-forwarded-for", b"unknown, ::1, 999.0.0.1, \xff"),
        ("x-forwarded-for", b",,,,"),
        ("x-forwarded-host", b"evil.example"),
        ("x-forwarded-proto", b"javascript"),
        ("forwarded", b"for=\"[::1\";host=evil.example;;=="),
        ("x-real-ip", b"not an address"),
        ("x-original-url", b"/completed"),
        ("x-http-method-override", b"DELETE"),
        ("sec-fetch-site", b"nonsense"),
        ("sec-fetch-mode", b"\xff"),
        ("sec-fetch-dest", b";"),
        ("sec-fetch-user", b"?9"),
        ("origin", b"null"),
        ("origin", b"http://[::1"),
        ("origin", b"\xff"),
        ("referer", b"javascript:alert(1)"),
        ("accept", b"*/*;q=NaN"),
        ("accept", b"\xff/\xff;q=-1"),
        ("accept-language", b"en;q=NaN,,,;;,\xff"),
        ("accept-language", b"-"),
        ("accept-encoding", b"gzip;q=9, *;q="),
        ("authorization", b"Basic \xff"),
        ("authorization", b"Bearer"),
        ("range", b"bytes=9-1,-,0-99999999999"),
        ("if-none-match", b"W/\"\xff"),
        ("if-modified-since", b"yesterday"),
        ("expect", b"the impossible"),
        ("upgrade", b"h2c, websocket"),
        ("connection", b"close, upgrade, cookie"),
        ("idempotency-key", b""),
        ("idempotency-key", b"\xff\x80"),
        ("idempotency-key", b"'; --"),
        ("last-event-id", b"\xff"),
        ("last-event-id", b"99999999999999999999"),
        ("user-agent", b"\xff\xfe"),
        ("x-request-id", b"\xff"),
        ("te", b"trailers;q=NaN"),
    ] {
        all.push((
            format!("{name}: {}", String::from_utf8_lossy(bytes)),
            one(name, bytes),
        ));
    }
    for name in [
        "accept-language",
        "accept",
        "user-agent",
        "x-forwarded-for",
        "idempotency-key",
        "last-event-id",
        "referer",
        "origin",
        "content-type",
        "if-none-match",
    ] {
        all.push((
            format!("8 KB of {name}"),
            one(name, "en,".repeat(2731).as_bytes()),
        ));
    }
    for name in [
        "content-type",
        "origin",
        "x-forwarded-for",
        "accept-language",
        "user-agent",
        "idempotency-key",
        "x-request-id",
    ] {
        all.push((
            format!("two lines of {name}"),
            [one(name, b"application/json"), one(name, b"text/html")].concat(),
        ));
    }
    all
}
