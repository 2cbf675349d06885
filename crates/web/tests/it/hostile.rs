//! Hostile clients get limits, not memory.

use crate::client::{Request, exchange, send};
use crate::fixture::Fixture;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::{Limits, Rate};

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let plant = Fixture::new().await;
    let announced = Request::new("POST", "/api/session")
        .header("content-type", "application/json")
        .header("content-length", "9999999999");
    let raw = String::from_utf8(announced.bytes()).unwrap().replace("content-length: 0\r\n", "");
    let socket = TcpStream::connect(plant.server.address()).await.unwrap();
    let reply = exchange(socket, raw.as_bytes()).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too-large"));
    // Chunks announce nothing: the limit is met while reading.
    let mut raw = b"POST /api/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_vec();
    for _ in 0..20 {
        raw.extend(format!("{:x}\r\n{}\r\n", 8_192, " ".repeat(8_192)).bytes());
    }
    raw.extend(b"0\r\n\r\n");
    let socket = TcpStream::connect(plant.server.address()).await.unwrap();
    let reply = exchange(socket, &raw).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too-large"));
}

#[tokio::test]
async fn headers_are_limited_in_size_number_and_time() {
    let limits = Limits { header_time: Duration::from_millis(300), ..Limits::default() };
    let plant = Fixture::with(limits).await;
    let large = Request::new("GET", "/").header("x-large", &"x".repeat(100_000));
    assert_eq!(plant.send(&large).await.status, 431);
    let mut many = Request::new("GET", "/");
    for n in 0..200 {
        many = many.header(&format!("x-{n}"), "1");
    }
    assert_eq!(plant.send(&many).await.status, 431);
    let mut slow = TcpStream::connect(plant.server.address()).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
    let began = Instant::now();
    let mut rest = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest)).await.expect("cut off");
    assert!(began.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn a_slow_body_runs_into_the_time_limit() {
    let plant = Fixture::with(Limits { answer: Duration::from_millis(300), ..Limits::default() }).await;
    let head = b"POST /api/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut slow = TcpStream::connect(plant.server.address()).await.unwrap();
    slow.write_all(head).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(Duration::from_secs(10), slow.read(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 504"));
}

#[tokio::test]
async fn connections_are_limited() {
    let plant = Fixture::with(Limits { connections_per_client: 3, ..Limits::default() }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut socket = TcpStream::connect(plant.server.address()).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut some = [0; 12];
        socket.read_exact(&mut some).await.unwrap();
        open.push(socket);
    }
    let mut one_more = TcpStream::connect(plant.server.address()).await.unwrap();
    let mut nothing = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), one_more.read_to_end(&mut nothing))
        .await
        .expect("closed");
    assert!(nothing.is_empty());
    open.pop();
    let began = Instant::now();
    loop {
        let socket = TcpStream::connect(plant.server.address()).await.unwrap();
        let mut socket = socket;
        let _ =
            socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        if answer.starts_with(b"HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "a closed connection gives its place back");
    }
}

#[tokio::test]
async fn only_own_names() {
    let plant = Fixture::new().await;
    for host in ["evil.example", "gateway.plant.evil.example", ""] {
        let reply = plant.send(&Request::new("GET", "/").header("host", host)).await;
        assert_eq!((reply.status, reply.code().as_str()), (421, "unknown-host"), "{host}");
        assert!(!reply.header("content-security-policy").is_empty());
    }
    for host in ["Gateway.Plant:8443", "127.0.0.1", "[::1]:80", "localhost:1"] {
        assert_eq!(
            plant.send(&Request::new("GET", "/healthz").header("host", host)).await.status,
            200,
            "{host}"
        );
    }
}

#[tokio::test]
async fn rates_are_limited_and_failed_sign_ins_more() {
    let rate = |burst| Rate { per_s: 0.01, burst };
    let limits = Limits { address: rate(5.0), sign_in: rate(3.0), session: rate(20.0), ..Limits::default() };
    let plant = Fixture::with(limits).await;
    let anna = plant.administrator().await;
    let wrong = Request::new("POST", "/api/session").json(&json!({"name": "anna", "password": "wrong"}));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(plant.send(&wrong).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let limited = plant.send(&wrong).await;
    assert_eq!(limited.code(), "too-many");
    assert!(limited.header("retry-after").parse::<u32>().unwrap() > 0);
    let mut last = 200;
    for _ in 0..21 {
        last = plant.get("/api/session", &anna).await.status;
    }
    assert_eq!(last, 429, "a session has its own limit");
    let mut strangers = Vec::new();
    for _ in 0..7 {
        strangers.push(plant.send(&Request::new("GET", "/api/session")).await.status);
    }
    assert_eq!(strangers, [401, 401, 401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn hostile_json_is_a_bad_request() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let deep = format!("{{\"paths\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "{\"paths\":1}",
        "{\"paths\":[],\"more\":1}",
        "{\"paths\":[null]}",
        "{\"paths\":[\"\\ud800\"]}",
        "\u{feff}{}",
        deep.as_str(),
    ];
    for body in bodies {
        let mut request = Request::new("POST", "/api/latest")
            .header("cookie", &anna.cookie)
            .header("x-csrf-token", &anna.csrf);
        request.body = body.as_bytes().to_vec();
        let reply = plant.send(&request.header("content-type", "application/json")).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "bad-request"),
            "{}",
            &body[..body.len().min(40)]
        );
    }
    let mut raw =
        Request::new("POST", "/api/latest").header("cookie", &anna.cookie).header("x-csrf-token", &anna.csrf);
    raw.body = vec![b'"', 0xFF, 0xFE, b'"'];
    assert_eq!(plant.send(&raw.clone().header("content-type", "application/json")).await.status, 400);
    let form = plant.send(&raw.header("content-type", "application/x-www-form-urlencoded")).await;
    assert_eq!((form.status, form.code().as_str()), (415, "not-json"));
}

/// Whatever stands behind the question mark or in the path: an answer with a sensible status, never a panic.
#[test]
fn random_queries_never_break_a_route() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let free = Rate { per_s: 1e6, burst: 1e6 };
    let limits = Limits { address: free, session: free, sign_in: free, ..Limits::default() };
    let (plant, anna) = runtime.block_on(async {
        let plant = Fixture::with(limits).await;
        plant.points();
        let anna = plant.administrator().await;
        (plant, anna)
    });
    let routes: Vec<&str> =
        include_str!("routes.txt").lines().filter_map(|line| line.strip_prefix("GET ")).collect();
    let name = prop::sample::select(vec![
        "path", "prefix", "from", "to", "limit", "after", "before", "search", "kind", "buckets", "x",
    ]);
    let value = prop_oneof![
        "[ -~]{0,20}",
        any::<f64>().prop_map(|v| v.to_string()),
        any::<i64>().prop_map(|v| v.to_string()),
        Just("acme/leeds/line-1/filler/Speed".to_owned()),
        any::<Vec<u8>>().prop_map(|bytes| bytes.iter().map(|byte| format!("%{byte:02X}")).collect()),
    ];
    let query = prop::collection::vec((name, value), 0..4);
    let segment = prop_oneof!["[A-Za-z0-9%._-]{1,12}", Just("%FF%C0".to_owned())];
    let strategy = (prop::sample::select(routes), segment, query);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let address = plant.server.address();
    let result = runner.run(&strategy, |(route, segment, query)| {
        let pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| {
                format!(
                    "{name}={}",
                    value.replace([' ', '#', '\\', '"', '<', '>', '^', '`', '{', '|', '}'], "+")
                )
            })
            .collect();
        let path =
            format!("{}?{}", route.replace("{name}", &segment).replace("{id}", &segment), pairs.join("&"));
        let reply =
            runtime.block_on(send(address, &Request::new("GET", &path).header("cookie", &anna.cookie)));
        // The test's historian cannot make trends: that one failure is its own.
        let known = reply.status == 500 && route == "/api/trend";
        prop_assert!(known || reply.status < 500, "{path}: {}", reply.text());
        if reply.status >= 400 && !path.starts_with("/readyz") {
            reply.code();
        }
        Ok(())
    });
    result.unwrap();
    let metrics = runtime.block_on(plant.send(&Request::new("GET", "/metrics"))).text();
    assert!(metrics.contains("ironbridge_web_refused_total{reason=\"panic\"} 0\n"));
}
