//! A sound server against raw frames, for every function.

use std::sync::Arc;
use std::time::Duration;

use model::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use twin::modbus::{
    Bank, Blackhole, Framing, Identity, Server, SharedBank, Station, Unit, UnknownUnit, WordOrder, bench,
    listen, serve,
};
use wire::modbus::{
    ExceptionCode, FileData, FileRange, Limits, ReadCode, Request, Response, bits, identification, registers,
};

use crate::client::{ANY, Client};

fn bank() -> Bank {
    let mut bank = Bank::default();
    bank.coils.add(0..=39);
    bank.discrete.put(0, &[true, false, true]);
    bank.input.put(8, &[10]);
    bank.holding.add(0..=299);
    bank.holding.remove(&(50..=59));
    bank.put_f32(100, 412.5, WordOrder::LowFirst);
    bank.put_text(110, 4, "B-0042");
    bank.writable = Some(vec![0..=49, 200..=299]);
    bank.files.insert(4, vec![0; 100]);
    bank.fifos.insert(0x04DE, vec![0x01B8, 0x1284]);
    bank.exception_status = 0x6D;
    bank.server_id = vec![0x11, 0xFF, 1, 2];
    let mut identity = Identity::new("Ironbridge", "IB-1", "1.0", "Simulated device");
    (0x80..0x90).for_each(|id| drop(identity.objects.insert(id, vec![b'x'; 60])));
    identity.level = ReadCode::Extended;
    bank.identity = Some(identity);
    bank
}

async fn start(framing: Framing) -> Server {
    let unit = Arc::new(Unit::new(Arc::new(SharedBank::new(bank()))));
    let station = Station::new(1).with(1, unit);
    listen(ANY, framing, station.unknown(UnknownUnit::Exception(ExceptionCode::GATEWAY_TARGET_FAILED)))
        .await
        .unwrap()
}

#[tokio::test]
async fn data_functions() {
    let server = start(Framing::Tcp).await;
    let mut c = Client::connect(server.address()).await;
    // Values in the words of the standard's frames.
    assert_eq!(c.pdu(1, &[2, 0, 0, 0, 3]).await, [2, 1, 0b101]);
    assert_eq!(c.pdu(1, &[4, 0, 8, 0, 1]).await, [4, 2, 0, 10]);
    let [hi, lo] = WordOrder::LowFirst.split(412.5f32.to_bits()).map(u16::to_be_bytes);
    assert_eq!(c.pdu(1, &[3, 0, 100, 0, 2]).await, [3, 4, hi[0], hi[1], lo[0], lo[1]]);
    assert_eq!(&c.pdu(1, &[3, 0, 110, 0, 4]).await[2..], b"B-0042\0\0");
    // Writes are read back.
    c.ask(1, &Request::WriteSingleCoil { address: 3, value: true }).await;
    let values = vec![true, true, false, true, false, true, true, false, true];
    c.ask(1, &Request::WriteMultipleCoils { address: 10, values: values.clone() }).await;
    let read = c.ask(1, &Request::ReadCoils { address: 3, quantity: 16 }).await;
    let got: Vec<bool> = bits(&read[2..], 16).collect();
    assert!(got[0] && !got[1] && got[7..] == values);
    c.ask(1, &Request::WriteSingleRegister { address: 4, value: 0x12 }).await;
    c.ask(1, &Request::MaskWriteRegister { address: 4, and_mask: 0xF2, or_mask: 0x25 }).await;
    assert_eq!(c.pdu(1, &[3, 0, 4, 0, 1]).await, [3, 2, 0, 0x17]); // the standard's example, 6.16
    c.ask(1, &Request::WriteMultipleRegisters { address: 200, values: vec![1, 2, 3] }).await;
    let both = Request::ReadWriteMultipleRegisters {
        read_address: 200,
        read_quantity: 3,
        write_address: 201,
        values: vec![9],
    };
    let read = c.ask(1, &both).await;
    assert_eq!(registers(&read[2..]).collect::<Vec<_>>(), [1, 9, 3]);
    let write = FileData { file: 4, record: 7, values: vec![0x06AF, 0x04BE] };
    c.ask(1, &Request::WriteFileRecord { groups: vec![write] }).await;
    let groups =
        vec![FileRange { file: 4, record: 6, length: 2 }, FileRange { file: 4, record: 8, length: 1 }];
    let read = c.ask(1, &Request::ReadFileRecord { groups }).await;
    assert_eq!(read, [20, 10, 5, 6, 0, 0, 0x06, 0xAF, 3, 6, 0x04, 0xBE]);
    let queue = c.ask(1, &Request::ReadFifoQueue { address: 0x04DE }).await;
    assert_eq!(queue, [24, 0, 6, 0, 2, 0x01, 0xB8, 0x12, 0x84]);
    server.shutdown().await;
}

#[tokio::test]
async fn holes_and_limits_answer_with_exceptions() {
    let server = start(Framing::Tcp).await;
    let mut c = Client::connect(server.address()).await;
    for (request, answer) in [
        (&[3, 0, 45, 0, 10][..], [0x83, 2]),
        (&[3, 0, 50, 0, 1], [0x83, 2]),
        (&[3, 1, 40, 0, 11], [0x83, 2]),
        (&[6, 0, 60, 0, 1], [0x86, 2]), // exists, but is not writable
        (&[16, 0, 48, 0, 3, 6, 0, 0, 0, 0, 0, 0], [0x90, 2]),
        (&[3, 0, 0, 0, 126], [0x83, 3]),
        (&[3, 0, 0], [0x83, 3]),
        (&[99], [0xE3, 1]),
        (&[20, 7, 6, 0, 9, 0, 0, 0, 1], [0x94, 2]),
        (&[24, 0, 1], [0x98, 2]),
        (&[43, 13, 1, 0], [0xAB, 1]),
    ] {
        assert_eq!(c.pdu(1, request).await, answer, "{request:?}");
    }
    assert_eq!(c.pdu(2, &[3, 0, 0, 0, 1]).await, [0x83, 0x0B]);
    let unit = Arc::clone(server.device().unit(1).unwrap());
    let most = twin::modbus::Ability {
        limits: Limits { read_registers: 16, ..Limits::STANDARD },
        ..twin::modbus::Ability::default()
    };
    unit.set_behaviour(twin::modbus::Behaviour { ability: most, ..unit.behaviour() });
    assert_eq!(c.pdu(1, &[3, 0, 0, 0, 17]).await, [0x83, 3]);
    assert_eq!(c.pdu(1, &[3, 0, 0, 0, 16]).await.len(), 34);
}

#[tokio::test]
async fn functions_about_the_device() {
    let server = start(Framing::Tcp).await;
    let mut c = Client::connect(server.address()).await;
    assert_eq!(c.ask(1, &Request::ReadExceptionStatus).await, [7, 0x6D]);
    assert_eq!(c.ask(1, &Request::ReportServerId).await, [17, 4, 0x11, 0xFF, 1, 2]);
    assert_eq!(c.ask(1, &Request::GetCommEventCounter).await, [11, 0, 0, 0, 2]);
    c.pdu(1, &[3, 0, 50, 0, 1]).await; // an exception does not count as an event
    assert_eq!(c.ask(1, &Request::GetCommEventCounter).await, [11, 0, 0, 0, 3]);
    let log = c.ask(1, &Request::GetCommEventLog).await;
    // Newest first: this request received, then the answers and requests before it.
    assert_eq!(log[..12], [12, 17, 0, 0, 0, 4, 0, 6, 0x80, 0x40, 0x80, 0x40]);
    let echo = Request::Diagnostics { sub: 0, data: vec![0xA537, 1] };
    assert_eq!(c.ask(1, &echo).await, [8, 0, 0, 0xA5, 0x37, 0, 1]);
    let exceptions = Request::Diagnostics { sub: 13, data: vec![0] };
    assert_eq!(c.ask(1, &exceptions).await, [8, 0, 13, 0, 1]);
    c.ask(1, &Request::Diagnostics { sub: 10, data: vec![0] }).await;
    assert_eq!(c.ask(1, &exceptions).await, [8, 0, 13, 0, 0]);
}

#[tokio::test]
async fn listen_only_until_restarted() {
    let server = start(Framing::Tcp).await;
    let mut c = Client::connect(server.address()).await;
    c.send(&[0, 1, 0, 0, 0, 6, 1, 8, 0, 4, 0, 0, 0, 2, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]).await;
    assert!(c.is_silent(Duration::from_millis(100)).await);
    c.ask(1, &Request::Diagnostics { sub: 1, data: vec![0] }).await;
    assert_eq!(c.pdu(1, &[3, 0, 0, 0, 1]).await, [3, 2, 0, 0]);
}

#[tokio::test]
async fn identification_in_several_answers() {
    let server = start(Framing::Tcp).await;
    let mut c = Client::connect(server.address()).await;
    let mut collector = identification::Collector::default();
    let mut next = Some(Request::ReadDeviceIdentification { code: ReadCode::Extended, object: 0 });
    let mut rounds = 0;
    while let Some(request) = next {
        let answer = c.ask(1, &request).await;
        next = collector.add(&Response::parse(&request, &answer, &Limits::STANDARD).unwrap());
        rounds += 1;
    }
    assert_eq!((collector.objects().len(), rounds), (5 + 16, 6));
    assert_eq!(collector.text(0).as_deref(), Some("Ironbridge"));
    let one = c.ask(1, &Request::ReadDeviceIdentification { code: ReadCode::Specific, object: 4 }).await;
    assert_eq!(&one[9..], b"Simulated device");
    assert_eq!(c.pdu(1, &[43, 14, 4, 0x70]).await, [0xAB, 2]);
    let basic = c.ask(1, &Request::ReadDeviceIdentification { code: ReadCode::Basic, object: 0 }).await;
    assert_eq!(basic[6], 3, "basic has three objects");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(Framing::Tcp).await;
    let mut c = Client::connect(server.address()).await;
    let mut out = Vec::new();
    for transaction in 0..200u16 {
        wire::modbus::mbap::emit_adu(transaction, 1, &[3, 0, 0, 0, 2], &mut out);
    }
    c.send(&out).await;
    let answers = c.receive(200 * 13).await;
    for (transaction, frame) in answers.chunks(13).enumerate() {
        assert_eq!(frame[..2], (transaction as u16).to_be_bytes());
    }
}

#[tokio::test]
async fn rtu_over_tcp_with_garbage_between() {
    let server = start(Framing::Rtu).await;
    let mut c = Client::connect(server.address()).await;
    let read = Request::ReadInputRegisters { address: 8, quantity: 1 };
    assert_eq!(c.rtu(1, &read).await, [4, 2, 0, 10]);
    c.send(&[0xAA, 0xEE, 0x70]).await;
    assert_eq!(c.rtu(1, &read).await, [4, 2, 0, 10]);
    // A broadcast is carried out and not answered.
    let mut broadcast = Vec::new();
    wire::modbus::rtu::emit_adu(0, &[6, 0, 4, 0, 77], &mut broadcast);
    c.send(&broadcast).await;
    assert!(c.is_silent(Duration::from_millis(100)).await);
    let skipped = server.device().counters.skipped.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(skipped, 3);
}

#[tokio::test]
async fn desync_closes_and_connections_are_bounded() {
    let unit = Arc::new(Unit::new(Arc::new(SharedBank::new(bank()))));
    let station = Station::new(1).with(1, unit).max_connections(1);
    let server = listen(ANY, Framing::Tcp, station).await.unwrap();
    let mut c = Client::connect(server.address()).await;
    c.ask(1, &Request::ReadExceptionStatus).await;
    let mut second = Client::connect(server.address()).await;
    assert!(second.is_closed().await, "the second connection is closed");
    c.send(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(c.is_closed().await, "a stream that is not Modbus is closed");
}

#[tokio::test]
async fn any_stream_can_be_served() {
    let unit = Arc::new(Unit::new(Arc::new(SharedBank::new(bank()))));
    let station = Arc::new(Station::new(1).with_any(unit));
    let (mut near, far) = tokio::io::duplex(64);
    let task = tokio::spawn(serve(far, Framing::Tcp, station));
    near.write_all(&[0, 9, 0, 0, 0, 6, 77, 4, 0, 8, 0, 1]).await.unwrap();
    let mut answer = [0; 11];
    near.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0, 9, 0, 0, 0, 5, 77, 4, 2, 0, 10]);
    drop(near);
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn bench_values_carry_their_time() {
    let clock = SystemClock::shared();
    let servers = bench(ANY.ip(), 0, 3, Arc::clone(&clock)).await.unwrap();
    assert_eq!(servers.len(), 3);
    let mut c = Client::connect(servers[2].address()).await;
    let before = clock.now().millis() & 0x7FFF_FFFF;
    let answer = c.ask(7, &Request::ReadHoldingRegisters { address: 0, quantity: 4 }).await;
    let after = clock.now().millis() & 0x7FFF_FFFF;
    for pair in answer[2..].chunks(4) {
        let stamp = i64::from(u32::from_be_bytes(pair.try_into().unwrap()));
        assert!((before..=after).contains(&stamp));
    }
    // An odd address begins with the low word.
    let odd = c.ask(7, &Request::ReadHoldingRegisters { address: 1, quantity: 2 }).await;
    assert_eq!(odd[4..6], answer[2..4]);
}

#[tokio::test]
async fn a_black_hole_takes_no_connection() {
    let hole = Blackhole::bind(ANY).await.unwrap();
    let attempt = tokio::net::TcpStream::connect(hole.address());
    assert!(tokio::time::timeout(Duration::from_millis(300), attempt).await.is_err());
}

#[tokio::test]
async fn shutdown_closes_every_connection() {
    let server = start(Framing::Tcp).await;
    let address = server.address();
    let mut c = Client::connect(address).await;
    c.ask(1, &Request::ReadExceptionStatus).await;
    server.shutdown().await;
    assert!(c.is_closed().await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
