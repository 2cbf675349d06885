//! Figures, on demand: `cargo test -p web --test it --release -- --ignored --nocapture measure`.
#![allow(clippy::print_stderr)]

use crate::fixture::Fixture;
use model::{Declaration, Path, Value, ValueType};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::{Limits, Rate};

/// Sends the same request again and again over one connection and gives median and longest time.
async fn time(plant: &Fixture, what: &str, request: &crate::client::Request) {
    let raw = String::from_utf8(request.bytes()).unwrap().replace("connection: close\r\n", "");
    let mut socket = TcpStream::connect(plant.server.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (mut times, mut bytes, mut buffer) = (Vec::new(), 0, vec![0; 1 << 20]);
    for _ in 0..300 {
        let began = Instant::now();
        socket.write_all(raw.as_bytes()).await.unwrap();
        let mut have = 0;
        loop {
            have += socket.read(&mut buffer[have..]).await.unwrap();
            let Some(end) = buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&buffer[..end]);
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if have >= end + 4 + length.parse::<usize>().unwrap() {
                bytes = have;
                break;
            }
        }
        times.push(began.elapsed());
    }
    times.sort();
    eprintln!("{what}: median {:?}, longest {:?}, {bytes} bytes", times[150], times[299]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; nothing to fail"]
async fn measure() {
    let free = Rate { per_s: 1e6, burst: 1e6 };
    let plant = Fixture::with(Limits { session: free, ..Limits::default() }).await;
    let path =
        |n: usize| format!("acme/leeds/area-{}/line-{}/unit-{}/point-{n}", n / 10_000, n / 1_000, n / 100);
    let declared = |n: usize| Declaration::new(Path::new(&path(n)).unwrap(), ValueType::F64);
    let ids = plant.namespace.declare((0..100_000).map(declared)).unwrap();
    for some in ids.chunks(1_000) {
        plant.publish(some, some.iter().map(|id| Value::F64(f64::from(id.0) / 7.0)).collect());
    }
    for n in 0..3_600 {
        plant.remember(ids[0], 1_000_000 + n * 1_000, Value::F64(n as f64 / 3.0));
    }
    let anna = plant.administrator().await;
    let request = |method: &str, path: &str| {
        crate::client::Request::new(method, path)
            .header("cookie", &anna.cookie)
            .header("x-csrf-token", &anna.csrf)
    };
    let paths: Vec<String> = (0..1_000).map(|n| path(n * 100)).collect();
    time(&plant, "latest of 1,000 points", &request("POST", "/api/latest").json(&json!({"paths": paths})))
        .await;
    let range = format!("/api/range?path={}&from=0&to=9999999999", path(0));
    time(&plant, "range of 3,600 samples", &request("GET", &range)).await;
    time(&plant, "root of 100,000 points", &request("GET", "/api/tree?prefix=acme/leeds")).await;
    time(
        &plant,
        "a unit's 100 points",
        &request("GET", "/api/tree?prefix=acme/leeds/area-5/line-50/unit-500"),
    )
    .await;
    time(&plant, "search in 100,000 points", &request("GET", "/api/points?search=unit-77+point")).await;
    time(&plant, "first page", &request("GET", "/api/overview")).await;
    tokio::time::timeout(Duration::from_secs(5), plant.server.stop()).await.unwrap();
}
