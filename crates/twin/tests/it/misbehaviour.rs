//! Bad devices are bad in exactly the way that was asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use twin::modbus::{Bank, Behaviour, Conduct, Framing, Lie, Server, SharedBank, Station, Unit, listen};
use wire::modbus::{ExceptionCode, Limits, Request, Response, mbap, rtu};

use crate::client::{ANY, Client};

const READ: Request = Request::ReadHoldingRegisters { address: 0, quantity: 4 };

async fn start(framing: Framing, behaviour: Behaviour) -> Server {
    let mut bank = Bank::default();
    bank.holding.put(0, &[1, 2, 3, 4, 5, 6]);
    let unit = Arc::new(Unit::new(Arc::new(SharedBank::new(bank))).behaving(behaviour));
    listen(ANY, framing, Station::new(5).with(1, unit)).await.unwrap()
}

fn request(framing: Framing) -> Vec<u8> {
    let mut out = Vec::new();
    match framing {
        Framing::Tcp => mbap::emit_adu_with(1, 1, &mut out, |out| READ.emit(out)),
        Framing::Rtu => rtu::emit_adu_with(1, &mut out, |out| READ.emit(out)),
    }
    out
}

fn sound(framing: Framing) -> Vec<u8> {
    let (mut out, pdu) = (Vec::new(), [3, 8, 0, 1, 0, 2, 0, 3, 0, 4]);
    match framing {
        Framing::Tcp => mbap::emit_adu(1, 1, &pdu, &mut out),
        Framing::Rtu => rtu::emit_adu(1, &pdu, &mut out),
    }
    out
}

/// How a strict client would see the bytes: the values, or a refusal.
fn accepted(framing: Framing, bytes: &[u8]) -> bool {
    let mut input = bytes;
    let pdu = match framing {
        Framing::Tcp => {
            let mut deframer = mbap::Deframer::new();
            match deframer.feed(&mut input) {
                Ok(Some(f)) if f.transaction == 1 && f.unit == 1 => f.pdu.to_vec(),
                _ => return false,
            }
        }
        Framing::Rtu => match rtu::ResponseDeframer::new().feed(1, &READ, &mut input) {
            Ok(Some(f)) => f.pdu.to_vec(),
            _ => return false,
        },
    };
    matches!(
        Response::parse(&READ, &pdu, &Limits::STANDARD),
        Ok(Response::ReadHoldingRegisters { registers: [0, 1, 0, 2, 0, 3, 0, 4] })
    )
}

#[tokio::test]
async fn every_lie_is_told_and_none_is_believed() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        assert!(accepted(framing, &sound(framing)));
        for lie in Lie::all().filter(|lie| !matches!(lie, Lie::Twice | Lie::Dribble)) {
            let server = start(framing, Behaviour::of(Conduct::Lie(lie))).await;
            let mut c = Client::connect(server.address()).await;
            c.send(&request(framing)).await;
            let length = match lie {
                Lie::Short => sound(framing).len() / 2,
                Lie::MoreData => sound(framing).len() + 2,
                Lie::LessData => sound(framing).len() - 2,
                Lie::Endless => 100_000,
                _ => sound(framing).len(),
            };
            let bytes = c.receive(length).await;
            assert_eq!(bytes.len(), length, "{lie:?} {framing:?}");
            assert!(bytes != sound(framing), "{lie:?} {framing:?}");
            assert!(!accepted(framing, &bytes), "{lie:?} {framing:?} is believed");
            if framing == Framing::Rtu
                && !matches!(lie, Lie::Checksum | Lie::Protocol | Lie::Short | Lie::Endless)
            {
                assert!(rtu::parse_adu(&bytes).is_ok(), "{lie:?} must get past the checksum");
            }
        }
    }
}

#[tokio::test]
async fn answers_twice_and_byte_by_byte() {
    for (lie, times) in [(Lie::Twice, 2), (Lie::Dribble, 1)] {
        let server = start(Framing::Tcp, Behaviour::of(Conduct::Lie(lie))).await;
        let mut c = Client::connect(server.address()).await;
        c.send(&request(Framing::Tcp)).await;
        let expected = sound(Framing::Tcp).repeat(times);
        assert_eq!(c.receive(expected.len()).await, expected);
        assert!(c.is_silent(Duration::from_millis(50)).await);
    }
}

#[tokio::test]
async fn silence_hangup_and_refusal() {
    let server = start(Framing::Tcp, Behaviour::of(Conduct::Silent)).await;
    let mut c = Client::connect(server.address()).await;
    c.send(&request(Framing::Tcp)).await;
    assert!(c.is_silent(Duration::from_millis(100)).await);
    let unit = Arc::clone(server.device().unit(1).unwrap());
    assert_eq!(unit.requests(), 1);
    unit.set_behaviour(Behaviour::of(Conduct::Refuse(ExceptionCode::SERVER_DEVICE_BUSY)));
    assert_eq!(c.pdu(1, &[3, 0, 0, 0, 4]).await, [0x83, 6]);
    unit.set_behaviour(Behaviour::of(Conduct::Hangup));
    c.send(&request(Framing::Tcp)).await;
    assert!(c.is_closed().await);
}

#[tokio::test]
async fn late_answers_and_one_in_three() {
    let server =
        start(Framing::Tcp, Behaviour::slow(Duration::from_millis(80), Duration::from_millis(20))).await;
    let mut c = Client::connect(server.address()).await;
    let begin = Instant::now();
    c.ask(1, &READ).await;
    assert!(begin.elapsed() >= Duration::from_millis(80));
    let unit = server.device().unit(1).unwrap();
    let busy = Conduct::Refuse(ExceptionCode::SERVER_DEVICE_BUSY);
    unit.set_behaviour(Behaviour { one_in: 3, ..Behaviour::of(busy) });
    let mut refused = 0;
    for _ in 0..9 {
        refused += usize::from(c.pdu(1, &[3, 0, 0, 0, 4]).await == [0x83, 6]);
    }
    assert_eq!(refused, 3);
}
