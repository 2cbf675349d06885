//! An S3 store that nobody here wrote (moto), and a wire to it that can be cut.
#![allow(dead_code, reason = "shared with the tests of destinations, each of which uses a part")]

use lake::{Bucket, Key, Place, Whereabouts};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A store with the bucket `plant-data`; ended with the value.
pub struct Store {
    port: u16,
    running: Option<Running>,
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn place(port: u16) -> Place {
    let bucket = Bucket {
        name: "plant-data".into(),
        prefix: "lake".into(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        region: "us-east-1".into(),
        ca: None,
    };
    let key = Key { id: "key".into(), secret: "secret".into() };
    Place::open(&Whereabouts::Bucket(bucket), Some(&key), false).unwrap()
}

/// The process; ended with the value.
pub struct Running(Child);

impl Running {
    /// Starts it and makes the bucket: `words` for it, and for `curl` how it is reached, the address last.
    pub fn start(python: &Path, port: u16, words: &[&str], reached: &[&str]) -> Self {
        let moto = python.with_file_name("moto_server");
        let child = Command::new(moto)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let running = Self(child.unwrap());
        let (address, options) = reached.split_last().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let made = Command::new("curl")
                .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT"])
                .args(options)
                .arg(format!("{address}/plant-data"))
                .output()
                .unwrap();
            if made.stdout == b"200" {
                return running;
            }
            assert!(Instant::now() < deadline, "the store does not answer: {made:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Store {
    pub fn start(python: &Path) -> Self {
        let port = free_port();
        let running = Running::start(python, port, &[], &[&format!("http://127.0.0.1:{port}")]);
        Self { port, running: Some(running) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn place(&self) -> Place {
        place(self.port)
    }

    /// `kill -9`; what it held is gone.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// A wire on which answers can be cut.
    pub fn cutting(&self) -> Wire {
        Wire::start(self.port, false)
    }

    /// A wire that takes away the words by which overwriting is refused.
    pub fn careless(&self) -> Wire {
        Wire::start(self.port, true)
    }
}

/// See [`Store::cutting`].
#[derive(Clone)]
pub struct Wire {
    port: u16,
    /// Answers until the one that is cut; below 0: none is.
    countdown: Arc<AtomicI64>,
    cuts: Arc<AtomicU32>,
    down: Arc<AtomicBool>,
}

impl Wire {
    fn start(to: u16, careless: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire =
            Self { port, countdown: Arc::new((-1).into()), cuts: Arc::default(), down: Arc::default() };
        let carrying = wire.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let wire = carrying.clone();
                std::thread::spawn(move || wire.carry(client, to, careless));
            }
        });
        wire
    }

    /// Where it begins.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Nothing goes through until [`Wire::up`].
    pub fn down(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    pub fn up(&self) {
        self.down.store(false, Ordering::SeqCst);
    }

    pub fn place(&self) -> Place {
        place(self.port)
    }

    /// The answer after so many others never arrives: the store has done what was asked, and nobody hears of it.
    pub fn cut_answer(&self, after: i64) {
        self.countdown.store(after, Ordering::SeqCst);
    }

    pub fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// One connection: requests to the store whole, answers back, until one is cut.
    fn carry(&self, mut client: TcpStream, to: u16, careless: bool) {
        if self.down.load(Ordering::SeqCst) {
            return;
        }
        let Ok(mut store) = TcpStream::connect(("127.0.0.1", to)) else { return };
        let (mut from_client, mut to_store) = (client.try_clone().unwrap(), store.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut bytes = [0; 64 * 1024];
            while let Ok(n @ 1..) = from_client.read(&mut bytes) {
                let mut part = bytes[..n].to_vec();
                if careless {
                    hide(&mut part);
                }
                if to_store.write_all(&part).is_err() {
                    break;
                }
            }
            let _ = to_store.shutdown(Shutdown::Write);
        });
        let mut bytes = [0; 64 * 1024];
        while let Ok(n @ 1..) = store.read(&mut bytes) {
            // An answer begins with its version.
            if bytes[..n].starts_with(b"HTTP/1.") && self.countdown.fetch_sub(1, Ordering::SeqCst) == 0 {
                self.cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
            if self.down.load(Ordering::SeqCst) || client.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = store.shutdown(Shutdown::Both);
    }
}

/// Another header of the same length stands for the condition.
fn hide(part: &mut [u8]) {
    let what = b"if-none-match:";
    let at = part.windows(what.len()).position(|some| some.eq_ignore_ascii_case(what));
    if let Some(at) = at {
        part[at..at + what.len()].copy_from_slice(b"x-none-at-all:");
    }
}
