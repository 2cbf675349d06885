//! Captures, sound and damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use capture::write::Writer;
use capture::{Damage, Input, Packet, Source, inputs};
use proptest::prelude::*;

fn sample(packets: &[(i64, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 1).unwrap();
    packets.iter().for_each(|(time, data)| writer.packet(*time, data).unwrap());
    writer.finish().unwrap()
}

/// Number, time and bytes of a packet.
type Seen = (u64, i64, Vec<u8>);

/// Everything that can be read, and how it ended.
fn read(bytes: &[u8]) -> (Vec<Seen>, Result<(), Damage>) {
    let mut seen = Vec::new();
    let mut source = match Source::open(bytes) {
        Ok(source) => source,
        Err(damage) => return (seen, Err(damage)),
    };
    loop {
        match source.next_packet() {
            Ok(Some(Packet { number, time_ns, data, .. })) => seen.push((number, time_ns, data.to_vec())),
            Ok(None) => return (seen, Ok(())),
            Err(damage) => return (seen, Err(damage)),
        }
    }
}

/// A pcapng file: section, interface with times in `resolution`, packets.
fn pcapng(resolution: u8, packets: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len() + 12).unwrap().to_be_bytes();
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&length);
        out.extend_from_slice(body);
        out.extend_from_slice(&length);
    };
    block(0x0A0D_0D0A, &[0x1A, 0x2B, 0x3C, 0x4D, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    block(1, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, resolution, 0, 0, 0, 0, 0, 0, 0]);
    block(0x0BAD, &[1, 2, 3, 4]);
    for (time, data) in packets {
        let mut body = vec![0; 4];
        body.extend_from_slice(&time.to_be_bytes());
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        body.extend_from_slice(&length);
        body.extend_from_slice(&length);
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(4), 0);
        block(6, &body);
    }
    out
}

#[test]
fn packets_come_back_as_they_were_written() {
    let bytes = sample(&[(1_700_000_000_123_456_789, b"first"), (1_700_000_001_000_000_000, b"")]);
    let (seen, end) = read(&bytes);
    end.unwrap();
    assert_eq!(
        seen,
        [(1, 1_700_000_000_123_456_789, b"first".to_vec()), (2, 1_700_000_001_000_000_000, vec![])]
    );
}

#[test]
fn microseconds_and_big_endian() {
    let mut bytes = vec![0xA1, 0xB2, 0xC3, 0xD4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    bytes.extend_from_slice(&[0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 0xEE]);
    assert_eq!(read(&bytes).0, [(1, 5_000_007_000, vec![0xEE])]);
}

#[test]
fn resolutions_of_pcapng() {
    for (resolution, ticks, expected) in [
        (6, 1_500_000, 1_500_000_000),
        (9, 1_500_000_000, 1_500_000_000),
        (3, 1_500, 1_500_000_000),
        (12, 1_500_000_000_000, 1_500_000_000),
        (0x80 | 10, 1_536, 1_500_000_000),
    ] {
        let (seen, end) = read(&pcapng(resolution, &[(ticks, b"abc")]));
        end.unwrap();
        assert_eq!(seen, [(1, expected, b"abc".to_vec())], "resolution {resolution}");
    }
}

#[test]
fn damage_is_told_and_what_is_before_it_delivered() {
    assert!(matches!(read(b"").1, Err(Damage::Empty)));
    let words = read(b"\x1f\x8b\x08\x00xxxx").1.unwrap_err().to_string();
    assert!(words.contains("gunzip"), "{words}");
    let bytes = sample(&[(1, b"one"), (2, b"two")]);
    let (seen, end) = read(&bytes[..bytes.len() - 1]);
    assert_eq!(seen.len(), 1);
    assert_eq!(
        end.unwrap_err().to_string(),
        "the file ends in the middle of a packet at byte 43: everything before it was read"
    );
    let mut huge = bytes;
    huge[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read(&huge).1, Err(Damage::Wrong { at: 24, .. })));
}

#[test]
fn every_cut_of_a_file_ends() {
    let files = [sample(&[(1, b"one"), (2, b"two")]), pcapng(6, &[(1, b"one"), (2, b"two")])];
    for bytes in files {
        let whole = read(&bytes).0;
        assert_eq!(whole.len(), 2);
        for end in 0..bytes.len() {
            let (seen, _) = read(&bytes[..end]);
            assert_eq!(seen[..], whole[..seen.len()]);
        }
    }
}

#[test]
fn folders_are_read_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    for name in ["b.pcap", "a.PCAPNG", "notes.txt", "sub/c.cap"] {
        std::fs::write(dir.path().join(name), b"").unwrap();
    }
    let names: Vec<String> = inputs(&[dir.path().into(), "-".into()])
        .unwrap()
        .iter()
        .map(|input| match input {
            Input::File(path) => path.strip_prefix(dir.path()).unwrap().display().to_string(),
            Input::Stdin => "-".into(),
        })
        .collect();
    assert_eq!(names, ["a.PCAPNG", "b.pcap", "sub/c.cap", "-"]);
    assert!(inputs(&["/no/such/file".into()]).unwrap_err().contains("check the name"));
    assert!(inputs(&[dir.path().join("sub").join("..").join("sub")]).is_ok());
}

proptest! {
    #[test]
    fn hostile_bytes_end(
        start in 0usize..3,
        tail in proptest::collection::vec(any::<u8>(), 0..400),
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = match start {
            0 => sample(&[(1, b"one"), (2, b"two")]),
            1 => pcapng(6, &[(1, b"one"), (2, b"two")]),
            _ => vec![0x0A, 0x0D, 0x0D, 0x0A],
        };
        bytes.extend_from_slice(&tail);
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let (seen, _) = read(&bytes);
        prop_assert!(seen.len() <= bytes.len());
    }
}
