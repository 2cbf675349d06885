//! A hundred devices over real sockets, of which a fifth misbehave.

use crate::support::{House, eventually};
use model::Value;
use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wire::modbus::mbap::{self, Deframer};
use wire::modbus::{Limits, Request};

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Manner {
    Sound,
    Silent,
    Late(Duration),
}

/// Ten registers that all hold the device's number.
pub async fn device(number: u16, manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let mut deframer = Deframer::new();
                let mut buffer = [0u8; 300];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    let mut input = &buffer[..count];
                    while let Ok(Some(frame)) = deframer.feed(&mut input) {
                        let Ok(Request::ReadHoldingRegisters { quantity, .. }) =
                            Request::parse(frame.pdu, &Limits::STANDARD)
                        else {
                            return;
                        };
                        let mut pdu = vec![3, (quantity * 2) as u8];
                        (0..quantity).for_each(|_| pdu.extend(number.to_be_bytes()));
                        let mut adu = Vec::new();
                        mbap::emit_adu(frame.transaction, frame.unit, &pdu, &mut adu);
                        match manner {
                            Manner::Sound => {}
                            Manner::Silent => continue,
                            Manner::Late(after) => tokio::time::sleep(after).await,
                        }
                        if stream.write_all(&adu).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

/// A port that drops SYNs: its queue of connections that nobody accepts is full.
struct Blackhole {
    address: SocketAddr,
    _listener: Socket,
    _fillers: Vec<Socket>,
}

fn blackhole() -> Blackhole {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let fillers = (0..4)
        .map(|_| {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&address.into());
            filler
        })
        .collect();
    Blackhole { address, _listener: listener, _fillers: fillers }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_devices_lose_no_scan() {
    const TIMEOUT: Duration = Duration::from_millis(300);
    let house = House::new();
    let mut running = Vec::new();
    let mut holes = Vec::new();
    for number in 0..100u16 {
        let (manner, address) = match number {
            0..10 => {
                holes.push(blackhole());
                (None, holes.last().unwrap().address)
            }
            10..15 => (Some(Manner::Silent), device(number, Manner::Silent).await),
            15..20 => {
                let late = Manner::Late(TIMEOUT + Duration::from_millis(200));
                (Some(late), device(number, late).await)
            }
            _ => (Some(Manner::Sound), device(number, Manner::Sound).await),
        };
        let text = format!(
            "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {}\ntimeout = \"300ms\"\nconnect_timeout = \"1s\"\nscan = {{ normal = \"500ms\" }}\n\
             [device.d]\nat = \"d{number}\"\ntags = {{ v = {{ at = \"holding 3\", type = \"u16\" }} }}\n",
            address.port()
        );
        running.push((number, manner, house.start(&format!("c{number}"), &text)));
    }
    let sound = |manner: &Option<Manner>| *manner == Some(Manner::Sound);
    eventually("80 healthy devices", || {
        running
            .iter()
            .filter(|(_, manner, _)| sound(manner))
            .all(|(number, _, _)| house.last(&format!("d{number}/v")).value == Value::U64((*number).into()))
    })
    .await;
    let before: Vec<_> = running.iter().map(|(_, _, handle)| handle.status().scans[0].clone()).collect();
    let (start, scans) = (std::time::Instant::now(), 12);
    eventually("12 scans", || {
        running.last().unwrap().2.status().scans[0].done >= before.last().unwrap().done + scans
    })
    .await;
    let elapsed = start.elapsed();
    for ((number, manner, handle), before) in running.iter().zip(&before) {
        let status = handle.status();
        let last = house.last(&format!("d{number}/v"));
        if sound(manner) {
            let done = status.scans[0].done - before.done;
            assert_eq!(status.scans[0].overruns, before.overruns, "device {number} {elapsed:?}");
            assert!(done + 2 >= scans, "device {number} did {done} of {scans} scans in {elapsed:?}");
            assert!(last.status.is_good(), "device {number}");
            assert_eq!(status.faults.timeouts + status.faults.reconnects, 0, "device {number}");
        } else {
            assert!(last.status.is_bad() && last.value == Value::None, "device {number} {manner:?} {last:?}");
        }
    }
    for (_, _, handle) in running {
        handle.stop().await;
    }
}
