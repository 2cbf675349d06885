//! The practical lower bound: one thread, raw sockets, no journal, no quality, no configuration. Polls the devices and
//! writes one JSON object a scan to the broker with QoS 0.

use bench::mqtt;
use rustix::event::epoll;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What to poll.
#[derive(Clone, Copy)]
pub struct Load {
    /// First port of the simulator, and number of its ports.
    pub port: u16,
    /// Ports of the simulator; device n is at port + n modulo this.
    pub ports: u16,
    /// Devices.
    pub devices: usize,
    /// int32 values of each.
    pub tags: usize,
    /// Period.
    pub period: Duration,
}

struct Device {
    stream: TcpStream,
    input: Vec<u8>,
    due: Instant,
    waiting: bool,
}

/// Values in one request: 60 int32 fill 120 of the 125 registers that a request may have.
const PER_REQUEST: usize = 60;

/// Requests for all values, and the length of all answers.
fn requests(tags: usize) -> (Vec<u8>, usize) {
    let (mut out, mut answer) = (Vec::new(), 0);
    for (number, first) in (0..tags).step_by(PER_REQUEST).enumerate() {
        let registers = (tags - first).min(PER_REQUEST) * 2;
        out.extend_from_slice(&[0, number as u8, 0, 0, 0, 6, 1, 3]);
        out.extend_from_slice(&((first * 2) as u16).to_be_bytes());
        out.extend_from_slice(&(registers as u16).to_be_bytes());
        answer += 9 + registers * 2;
    }
    (out, answer)
}

/// Runs for `seconds`; polls a second and polls that came due while the one before was not answered.
///
/// # Errors
/// Of the network.
pub fn run(load: Load, broker: u16, seconds: f64) -> Result<(f64, u64)> {
    let mut sink = mqtt::connect(broker, "reference")?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let (request, expected) = requests(load.tags);
    let names: Vec<String> =
        (0..load.tags).map(|n| format!("{}\"t{n}\":", if n > 0 { "," } else { "" })).collect();
    let begin = Instant::now();
    let mut devices = Vec::new();
    for index in 0..load.devices {
        let stream = TcpStream::connect(("127.0.0.1", load.port + (index % usize::from(load.ports)) as u16))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        let due = begin + load.period.mul_f64(index as f64 / load.devices as f64);
        devices.push(Device { stream, input: Vec::with_capacity(expected), due, waiting: false });
    }
    let (mut polls, mut late, mut turn) = (0_u64, 0_u64, 0);
    let mut events = Vec::with_capacity(256);
    let mut message = Vec::new();
    while begin.elapsed().as_secs_f64() < seconds {
        let now = Instant::now();
        while devices[turn].due <= now {
            let device = &mut devices[turn];
            if device.waiting {
                late += 1;
            } else {
                device.stream.write_all(&request)?;
                device.waiting = true;
                polls += 1;
            }
            device.due += load.period;
            turn = (turn + 1) % load.devices;
        }
        let wait = devices[turn].due.saturating_duration_since(now);
        let wait = rustix::event::Timespec {
            tv_sec: wait.as_secs() as i64,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
        for event in &events {
            let index = event.data.u64() as usize;
            let device = &mut devices[index];
            if read(device, expected)? {
                payload(&device.input, &names, &mut message, index);
                sink.write_all(&message)?;
                device.input.clear();
                device.waiting = false;
            }
        }
    }
    Ok((polls as f64 / begin.elapsed().as_secs_f64(), late))
}

/// Takes what came; true when all answers are complete.
fn read(device: &mut Device, expected: usize) -> Result<bool> {
    let mut chunk = [0; 4096];
    match device.stream.read(&mut chunk) {
        Ok(0) => Err(Error::from(ErrorKind::UnexpectedEof)),
        Ok(count) => {
            device.input.extend_from_slice(&chunk[..count]);
            Ok(device.input.len() >= expected)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

fn payload(answers: &[u8], names: &[String], message: &mut Vec<u8>, index: usize) {
    let mut text = Vec::with_capacity(names.len() * 20);
    let (mut number, mut rest) = (itoa::Buffer::new(), answers);
    let mut name = names.iter();
    text.push(b'{');
    while rest.len() > 9 {
        let bytes = usize::from(rest[8]);
        for (value, name) in rest[9..9 + bytes].chunks_exact(4).zip(&mut name) {
            text.extend_from_slice(name.as_bytes());
            let value = i32::from_be_bytes([value[0], value[1], value[2], value[3]]);
            text.extend_from_slice(number.format(value).as_bytes());
        }
        rest = &rest[9 + bytes..];
    }
    text.push(b'}');
    message.clear();
    mqtt::publish_head(&format!("ref/d{index}"), text.len(), message);
    message.extend_from_slice(&text);
}
