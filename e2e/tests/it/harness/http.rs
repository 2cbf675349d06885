//! HTTP/1.1 with nothing but the standard library: one request, one connection. Over TCP, or over the local socket.

use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where to send requests, and as whom.
#[derive(Clone)]
pub struct Http {
    socket: Option<PathBuf>,
    port: u16,
    /// Sent with every request, e.g. cookie, CSRF, token.
    pub headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(have, _)| have == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body, if the status is a success.
    #[track_caller]
    pub fn ok(self) -> Json {
        assert!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        if self.body.is_empty() { Json::Null } else { self.json() }
    }
}

impl Http {
    /// The page's port.
    pub fn tcp(port: u16) -> Self {
        Self { socket: None, port, headers: Vec::new() }
    }

    /// The owner's socket.
    pub fn local(socket: PathBuf) -> Self {
        Self { socket: Some(socket), port: 0, headers: Vec::new() }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).unwrap()
    }

    /// POST.
    pub fn post(&self, path: &str, body: &Json) -> Answer {
        self.send("POST", path, Some(body)).unwrap()
    }

    /// Any method; the error if nothing listens.
    pub fn send(&self, method: &str, path: &str, body: Option<&Json>) -> std::io::Result<Answer> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n", self.port);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
        let mut raw = Vec::new();
        match &self.socket {
            Some(path) => exchange(UnixStream::connect(path)?, &head, &mut raw)?,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                exchange(stream, &head, &mut raw)?;
            }
        }
        parse(&raw)
            .ok_or_else(|| std::io::Error::other(format!("no HTTP: {}", String::from_utf8_lossy(&raw))))
    }
}

fn exchange(mut stream: impl Read + Write, head: &str, raw: &mut Vec<u8>) -> std::io::Result<()> {
    stream.write_all(head.as_bytes())?;
    stream.read_to_end(raw)?;
    Ok(())
}

fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(k, v)| (k.to_lowercase(), v.trim().to_owned()))
        .collect();
    let body = &raw[end + 4..];
    let chunked = headers.iter().any(|(key, value)| key == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, headers, body })
}

fn unchunk(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(end + 2..end + 2 + length)?);
        body = body.get(end + 4 + length..)?;
    }
}
