//! HTTP/1.1, as little as a measurement needs: one kept connection, JSON in and out.

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A kept connection to the page's server.
pub struct Http {
    stream: TcpStream,
    bearer: String,
    buffer: Vec<u8>,
}

impl Http {
    /// Connects; `bearer` is an API token, or empty.
    ///
    /// # Errors
    /// Of the network.
    pub fn connect(port: u16, bearer: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, bearer: bearer.to_owned(), buffer: vec![0; 1 << 16] })
    }

    /// The body of the answer; anything but 200 is an error.
    ///
    /// # Errors
    /// Of the network, or the answer's first line.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let bearer = if self.bearer.is_empty() {
            String::new()
        } else {
            format!("authorization: Bearer {}\r\n", self.bearer)
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{bearer}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(head.as_bytes())?;
        let mut have = 0;
        let (end, length) = loop {
            have += self.read(have)?;
            if let Some(end) = self.buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                if !head.starts_with("http/1.1 200") {
                    return Err(Error::other(format!("{path}: {}", head.lines().next().unwrap_or_default())));
                }
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
                break (end + 4, length.ok_or_else(|| Error::other("an answer without its length"))?);
            }
        };
        while have < end + length {
            have += self.read(have)?;
        }
        Ok(self.buffer[end..end + length].to_vec())
    }

    fn read(&mut self, have: usize) -> Result<usize> {
        if self.buffer.len() - have < 1 << 14 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        match self.stream.read(&mut self.buffer[have..])? {
            0 => Err(Error::other("the server closed the connection")),
            count => Ok(count),
        }
    }
}
