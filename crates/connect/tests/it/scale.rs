//! Many points in one connection.

use crate::misbehaviour::{Manner, device};
use crate::support::{House, eventually};
use std::fmt::Write;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_points_are_read_soon_after_the_start() {
    let address = device(7, Manner::Sound).await;
    let mut tags = String::new();
    for i in 0..10_000 {
        writeln!(
            tags,
            "t{i} = {{ at = \"holding {}\", type = \"i32\", order = \"CDAB\", unit = \"bar\" }}",
            i * 2
        )
        .unwrap();
    }
    let text = format!(
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {}\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}",
        address.port()
    );
    let house = House::new();
    let start = Instant::now();
    let handle = house.start("big", &text);
    let built = start.elapsed();
    eventually("10,000 good points", || handle.status().good == 10_000).await;
    let read = start.elapsed();
    assert_eq!(house.last("d/t9999").value, model::Value::I64(0x0007_0007));
    eprintln!("10,000 points: built and declared in {built:?}, all read in {read:?}");
    // Not a benchmark: a guard against work that grows with the square of the points, in an unoptimised build.
    assert!(read < Duration::from_secs(8), "{built:?} {read:?}");
    assert_eq!(handle.status().scans[0].requests, 163, "of at most 62 points each, in three groups");
    handle.stop().await;
}
