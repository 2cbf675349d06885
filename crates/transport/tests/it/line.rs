use crate::tcp::SOON;
use model::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use transport::{PseudoLine, SerialSettings, Stream, Target, dial};

#[tokio::test]
async fn a_serial_line_carries_every_byte_unchanged() {
    let mut line = PseudoLine::open().unwrap();
    let target = Target::Serial { path: line.path.clone(), settings: SerialSettings::default() };
    let mut near = dial(&target, SOON).await.unwrap();
    let all: Vec<u8> = (0..=255).collect();
    near.write_all(&all).await.unwrap();
    near.flush().await.unwrap();
    let mut got = [0; 256];
    line.near.read_exact(&mut got).await.unwrap();
    assert_eq!(got[..], all[..], "no byte is a control character on a binary line");
    line.near.write_all(&all).await.unwrap();
    near.read_exact(&mut got).await.unwrap();
    assert_eq!(got[..], all[..]);
}

#[tokio::test]
async fn stale_input_is_discarded() {
    let mut line = PseudoLine::open().unwrap();
    let target = Target::Serial { path: line.path.clone(), settings: SerialSettings::default() };
    let mut near = dial(&target, SOON).await.unwrap();
    line.near.write_all(b"late answer").await.unwrap();
    // The first byte shows that the rest has arrived as well: one write, one line discipline.
    let mut first = [0; 1];
    near.read_exact(&mut first).await.unwrap();
    assert!(near.discard_input());
    line.near.write_all(b"!").await.unwrap();
    near.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"!");
    assert!(!Stream::Mock(tokio::io::duplex(1).0).discard_input(), "memory has no such queue");
}

#[tokio::test]
async fn a_missing_adapter_is_named() {
    let target = Target::Serial { path: "/dev/ttyUSB-none".into(), settings: SerialSettings::default() };
    let Err(Fault::Connect(why)) = dial(&target, SOON).await else { panic!("opened nothing") };
    assert!(why.contains("/dev/ttyUSB-none") && why.contains("plugged in"), "{why}");
}

#[tokio::test]
async fn a_line_is_opened_only_once() {
    let line = PseudoLine::open().unwrap();
    let target = Target::Serial { path: line.path.clone(), settings: SerialSettings::default() };
    let first = dial(&target, SOON).await.unwrap();
    let Err(Fault::Connect(why)) = dial(&target, SOON).await else { panic!("opened twice") };
    assert!(why.contains("another program has it open"), "{why}");
    drop(first);
    line.release();
    dial(&target, SOON).await.unwrap();
}
