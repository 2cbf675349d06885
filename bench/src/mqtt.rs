//! MQTT 3.1.1, as little as a measurement needs: connect, subscribe to everything, publish with QoS 0.

use crate::quantile;
use model::SystemClock;
use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Connects with a clean session.
///
/// # Errors
/// Of the network.
pub fn connect(port: u16, client: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut packet = vec![0x10, 12 + client.len() as u8, 0, 4];
    packet.extend_from_slice(b"MQTT\x04\x02\x00\x00\x00");
    packet.push(client.len() as u8);
    packet.extend_from_slice(client.as_bytes());
    stream.write_all(&packet)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    if answer[3] == 0 { Ok(stream) } else { Err(Error::other("refused by the broker")) }
}

/// The head of a PUBLISH packet with QoS 0 for `payload` bytes, appended to `out`.
pub fn publish_head(topic: &str, payload: usize, out: &mut Vec<u8>) {
    out.push(0x30);
    let mut left = 2 + topic.len() + payload;
    loop {
        let low = (left & 127) as u8;
        left >>= 7;
        out.push(if left > 0 { low | 128 } else { low });
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
}

/// What a subscriber saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Messages per second.
    pub messages: f64,
    /// Values per second: keys `"t<digits>":`.
    pub tags: f64,
    /// From the stamp in the first value to receipt, milliseconds.
    pub p50: f64,
    /// See `p50`.
    pub p99: f64,
    /// See `p50`.
    pub max: f64,
}

/// Subscribes to everything and measures for `seconds` after `warm` seconds.
///
/// # Errors
/// Of the network.
pub fn watch(port: u16, warm: f64, seconds: f64) -> Result<Seen> {
    let mut stream = connect(port, "watcher")?;
    stream.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0])?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let (mut buffer, mut filled) = (vec![0_u8; 4 << 20], 0);
    let (mut messages, mut tags, mut ages) = (0_u64, 0_u64, Vec::new());
    let begin = Instant::now();
    let clock = SystemClock::shared();
    let mut start: Option<Instant> = None;
    while begin.elapsed().as_secs_f64() < warm + seconds {
        if start.is_none() && begin.elapsed().as_secs_f64() >= warm {
            start = Some(Instant::now());
            (messages, tags) = (0, 0);
            ages.clear();
        }
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Err(Error::other("the broker closed the connection")),
            Ok(count) => filled += count,
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        }
        let now = clock.now().millis_f64();
        let mut at = 0;
        while let Some((kind, head, length)) = packet(&buffer[at..filled]) {
            if kind >> 4 == 3 {
                messages += 1;
                tags += count_tags(&buffer[at + head..at + head + length], now, &mut ages);
            }
            at += head + length;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    let elapsed = start.map_or(f64::MAX, |start| start.elapsed().as_secs_f64());
    ages.sort_by(f64::total_cmp);
    Ok(Seen {
        messages: messages as f64 / elapsed,
        tags: tags as f64 / elapsed,
        p50: quantile(&ages, 0.5),
        p99: quantile(&ages, 0.99),
        max: ages.last().copied().unwrap_or(0.0),
    })
}

/// First byte, length of the head and length of the rest, if the packet is complete.
fn packet(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (mut length, mut shift, mut at) = (0_usize, 0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 127) << shift;
        (shift, at) = (shift + 7, at + 1);
        if byte & 128 == 0 {
            break;
        }
    }
    (bytes.len() >= at + length).then(|| (bytes[0], at, length))
}

/// Counts `"t<digits>":` and takes the age of the first value: milliseconds modulo 2^31 when the device answered.
fn count_tags(body: &[u8], now: f64, ages: &mut Vec<f64>) -> u64 {
    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let text = &body[2 + topic..];
    let mut count = 0;
    let mut at = 0;
    while let Some(quote) = text[at..].iter().position(|b| *b == b'"') {
        let key = &text[at + quote + 1..];
        at += quote + 1;
        if key.first() != Some(&b't') {
            continue;
        }
        let digits = key[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || !key[1 + digits..].starts_with(b"\":") {
            continue;
        }
        count += 1;
        if count == 1 {
            let value = &key[3 + digits..];
            let end = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
            if let Some(stamp) = std::str::from_utf8(&value[..end]).ok().and_then(|v| v.parse::<i64>().ok()) {
                let wall = now as i64 & 0x7FFF_FFFF;
                ages.push((wall - stamp) as f64 + now.fract());
            }
        }
        at += 2 + digits;
    }
    count
}
