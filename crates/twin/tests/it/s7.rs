//! The S7 CPU: against python-snap7's client, and against raw packets.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use twin::s7::{Behaviour, Block, Conduct, Cpu, LIES, Memory, Protection, Rules, Server, listen};
use wire::s7::cotp::{Connect, Joiner, Tpdu, Tsap, emit_data_with};
use wire::s7::szl::{Identity, List};
use wire::s7::tpkt::{self, Deframer};
use wire::s7::{Area, HeaderError, Item, ReadItem, Request, Response, ReturnCode, Setup, WriteItem};

use crate::client::ANY;

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.blocks.insert(10, Block::new(64));
    memory.put(10, 0, &[1, 2, 3, 4]);
    memory.put(20, 0, &(0..1000).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    memory.blocks.insert(30, Block { protection: Protection::Optimised, ..Block::new(8) });
    memory.blocks.insert(40, Block { protection: Protection::ReadOnly, ..Block::new(8) });
    memory.inputs[..2].copy_from_slice(&[0x55, 0xAA]);
    memory.timers[1] = 0x2127;
    memory.counters[1] = 0x0123;
    memory
}

async fn start(rules: Rules) -> Server {
    listen(ANY, Arc::new(Cpu::new(1, memory()).with(rules))).await.unwrap()
}

struct Client {
    stream: TcpStream,
    deframer: Deframer,
    reference: u16,
}

impl Client {
    async fn open(server: &Server, slot: u8) -> Option<Self> {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let mut client = Self { stream, deframer: Deframer::new(), reference: 0 };
        let connect = Connect {
            destination: 0,
            source: 1,
            tpdu_size: 10,
            calling: Tsap::word(0x0100),
            called: Tsap::rack_slot(3, 0, slot),
        };
        let mut out = Vec::new();
        tpkt::emit_with(&mut out, |out| Tpdu::ConnectRequest(connect).emit(out));
        client.stream.write_all(&out).await.unwrap();
        let answer = client.tpdu().await?;
        matches!(Tpdu::parse(&answer), Ok(Tpdu::ConnectConfirm(_))).then_some(client)
    }

    async fn negotiated(server: &Server) -> Self {
        let mut client = Self::open(server, 2).await.unwrap();
        let setup = Request::Setup(Setup { calling: 8, called: 8, pdu: 960 });
        let pdu = client.ask(&setup).await.unwrap();
        let Ok(Response::Setup(agreed)) = Response::parse(&setup, &pdu) else { panic!("{pdu:?}") };
        assert_eq!(agreed, Setup { calling: 1, called: 1, pdu: 240 });
        client
    }

    async fn tpdu(&mut self) -> Option<Vec<u8>> {
        let mut byte = [0];
        loop {
            let count =
                tokio::time::timeout(Duration::from_secs(5), self.stream.read(&mut byte)).await.ok()?.ok()?;
            if count == 0 {
                return None;
            }
            if let Some(tpdu) = self.deframer.feed(&mut &byte[..]).unwrap() {
                return Some(tpdu.to_vec());
            }
        }
    }

    async fn ask(&mut self, request: &Request<'_>) -> Option<Vec<u8>> {
        self.reference += 1;
        let mut out = Vec::new();
        emit_data_with(&mut out, |out| request.emit(self.reference, out));
        self.stream.write_all(&out).await.ok()?;
        let mut joiner = Joiner::default();
        loop {
            let tpdu = self.tpdu().await?;
            let Ok(Tpdu::Data { last, payload }) = Tpdu::parse(&tpdu) else { return None };
            if let Some(pdu) = joiner.take(last, payload).unwrap() {
                return Some(pdu.to_vec());
            }
        }
    }

    async fn list(&mut self, id: u16) -> Vec<u8> {
        let (mut whole, mut request) = (Vec::new(), Request::Szl { id, index: 0 });
        loop {
            let pdu = self.ask(&request).await.unwrap();
            assert!(pdu.len() <= 240);
            match Response::parse(&request, &pdu) {
                Ok(Response::Szl { sequence, last, data, .. }) => {
                    whole.extend_from_slice(data);
                    if last {
                        return whole;
                    }
                    request = Request::SzlNext { sequence };
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_snap7_agrees() {
    let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
        eprintln!(
            "SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has python-snap7 (pip install python-snap7==2.0.2)"
        );
        return;
    };
    let server = start(Rules { place: Some((0, 2)), ..Rules::default() }).await;
    let script = format!("{}/tests/snap7_check.py", env!("CARGO_MANIFEST_DIR"));
    let port = server.address().port().to_string();
    let run = move || std::process::Command::new(python).args([script, port]).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("all as expected"), "{text}");
}

#[tokio::test]
async fn lists_come_in_parts_and_tell_who_it_is() {
    let server = start(Rules::default()).await;
    let mut client = Client::negotiated(&server).await;
    let mut identity = Identity::default();
    for id in [0x0011, 0x001C] {
        let whole = client.list(id).await;
        identity.take(&List::parse(&whole).unwrap());
    }
    assert_eq!(identity, server.device().memory(|memory| memory.identity.clone()));
    server.device().memory(|memory| memory.state = 4);
    assert_eq!(wire::s7::szl::state(&List::parse(&client.list(0x0424).await).unwrap()), Some(4));
}

#[tokio::test]
async fn bits_are_written_alone_and_codes_are_each_items_own() {
    let server = start(Rules::default()).await;
    let mut client = Client::negotiated(&server).await;
    let write = Request::Write(vec![
        WriteItem { item: Item::bit_at(Area::Flags, 0, 5, 3), data: &[1] },
        WriteItem { item: Item::bytes_at(Area::Db, 99, 0, 1), data: &[1] },
        WriteItem { item: Item::bytes_at(Area::Db, 10, 63, 2), data: &[1, 2] },
        WriteItem { item: Item::bytes_at(Area::Db, 40, 0, 1), data: &[1] },
        WriteItem { item: Item::bytes_at(Area::Db, 10, 62, 2), data: &[8, 9] },
    ]);
    let pdu = client.ask(&write).await.unwrap();
    let codes = [
        ReturnCode::SUCCESS,
        ReturnCode::MISSING,
        ReturnCode::ADDRESS,
        ReturnCode::ACCESS,
        ReturnCode::SUCCESS,
    ];
    assert_eq!(Response::parse(&write, &pdu), Ok(Response::Write(codes.to_vec())));
    let read = Request::Read(vec![
        Item::bytes_at(Area::Flags, 0, 5, 1),
        Item::bit_at(Area::Flags, 0, 5, 3),
        Item::bytes_at(Area::Db, 10, 62, 2),
    ]);
    let pdu = client.ask(&read).await.unwrap();
    let expected = vec![ReadItem::Data(&[8]), ReadItem::Data(&[1]), ReadItem::Data(&[8, 9])];
    assert_eq!(Response::parse(&read, &pdu), Ok(Response::Read(expected)));
}

#[tokio::test]
async fn limits_are_kept() {
    let server = start(Rules { place: Some((0, 2)), ..Rules::default() }).await;
    assert!(Client::open(&server, 3).await.is_none(), "another slot is refused");
    let mut client = Client::negotiated(&server).await;
    let large = Request::Read(vec![Item::bytes_at(Area::Db, 20, 0, 223)]);
    let pdu = client.ask(&large).await.unwrap();
    assert_eq!(Response::parse(&large, &pdu), Ok(Response::Refused(HeaderError::PDU_SIZE)));
    let fits = Request::Read(vec![Item::bytes_at(Area::Db, 20, 0, 222)]);
    let pdu = client.ask(&fits).await.unwrap();
    assert!(pdu.len() == 240 && matches!(Response::parse(&fits, &pdu), Ok(Response::Read(_))));
    server.device().set_rules(Rules { put_get: false, ..Rules::default() });
    let pdu = client.ask(&fits).await.unwrap();
    assert_eq!(Response::parse(&fits, &pdu), Ok(Response::Refused(HeaderError::NOT_AVAILABLE)));
}

#[tokio::test]
async fn every_lie_is_one() {
    let server = start(Rules::default()).await;
    for lie in LIES {
        server.device().set_behaviour(Behaviour::default());
        let mut client = Client::negotiated(&server).await;
        let read =
            Request::Read(vec![Item::bytes_at(Area::Db, 10, 0, 4), Item::bytes_at(Area::Db, 20, 0, 20)]);
        let truth = client.ask(&read).await.unwrap();
        server.device().set_behaviour(Behaviour::of(Conduct::Lie(lie)));
        if lie == twin::s7::Lie::Endless {
            continue; // what a client does with it is tested there
        }
        // The truth may come slowly, a lie need not come at all.
        let patience = Duration::from_millis(if lie.is_harmless() { 20_000 } else { 300 });
        let told = tokio::time::timeout(patience, client.ask(&read)).await.ok().flatten();
        let right =
            told.is_some_and(|told| told[..4] == truth[..4] && told[6..] == truth[6..] && told[5] == 3);
        assert_eq!(right, lie.is_harmless(), "{lie:?}");
    }
}
