//! A raw client: exact bytes out, whatever comes in, never waits without an end.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::modbus::{Limits, Request, Response, mbap, rtu};

pub const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    stream: TcpStream,
    transaction: u16,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, transaction: 0 }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next `count` bytes, fewer if the peer closes.
    pub async fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut got = vec![0; count];
        let mut filled = 0;
        while filled < count {
            let read = self.stream.read(&mut got[filled..]);
            match tokio::time::timeout(PATIENCE, read).await.expect("no answer within 10 s") {
                Ok(0) | Err(_) => break,
                Ok(n) => filled += n,
            }
        }
        got.truncate(filled);
        got
    }

    /// True if nothing comes within `span`.
    pub async fn is_silent(&mut self, span: Duration) -> bool {
        tokio::time::timeout(span, self.stream.read(&mut [0; 1])).await.is_err()
    }

    /// True if the peer closes without another byte.
    pub async fn is_closed(&mut self) -> bool {
        self.receive(1).await.is_empty()
    }

    /// One ADU over TCP: what `request` gets for an answer, as the whole frame.
    pub async fn frame(&mut self, unit: u8, pdu: &[u8]) -> Vec<u8> {
        self.transaction = self.transaction.wrapping_add(1);
        let mut out = Vec::new();
        mbap::emit_adu(self.transaction, unit, pdu, &mut out);
        self.send(&out).await;
        let mut frame = self.receive(6).await;
        if let Some(length) = frame.get(4..6) {
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            frame.extend(self.receive(length).await);
        }
        frame
    }

    /// The answer's PDU over TCP.
    pub async fn pdu(&mut self, unit: u8, pdu: &[u8]) -> Vec<u8> {
        let frame = self.frame(unit, pdu).await;
        assert_eq!(frame[..2], self.transaction.to_be_bytes(), "transaction");
        assert_eq!(frame[6], unit);
        frame[7..].to_vec()
    }

    /// Sends a request and checks the answer against it, strictly; gives the answer's PDU.
    pub async fn ask(&mut self, unit: u8, request: &Request) -> Vec<u8> {
        let mut pdu = Vec::new();
        request.emit(&mut pdu);
        let answer = self.pdu(unit, &pdu).await;
        let response = Response::parse(request, &answer, &Limits::STANDARD).unwrap();
        assert!(!matches!(response, Response::Exception { .. }), "{request:?}: {response:?}");
        answer
    }

    /// The answer's PDU on RTU over TCP.
    pub async fn rtu(&mut self, unit: u8, request: &Request) -> Vec<u8> {
        let mut out = Vec::new();
        rtu::emit_adu_with(unit, &mut out, |out| request.emit(out));
        self.send(&out).await;
        let mut deframer = rtu::ResponseDeframer::new();
        loop {
            let byte = self.receive(1).await;
            if let Some(frame) = deframer.feed(unit, request, &mut byte.as_slice()).unwrap() {
                return frame.pdu.to_vec();
            }
        }
    }
}
