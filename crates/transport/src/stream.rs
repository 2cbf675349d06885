//! The one type that drivers read from and write to.

use crate::inject::{FaultPlan, Faulty, Injector};
use crate::trace::{Trace, Traced};
use crate::{serial, tls};
use rustls::pki_types::CertificateDer;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_serial::SerialStream;

/// An open connection. TLS buffers what is written: call `flush` after each message.
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP, either side.
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
    /// A serial line.
    Serial(SerialStream),
    /// Memory, for tests: one end of [`tokio::io::duplex`].
    Mock(DuplexStream),
    /// A stream whose recent bytes are kept for diagnosis.
    Traced(Box<Traced<Stream>>),
    /// A stream that misbehaves by plan, for tests.
    Faulty(Box<Faulty<Stream>>),
}

/// How well a stream is protected, for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    None,
    /// By TLS.
    Tls {
        /// In words, e.g. `TLS 1.3, certificate of plc-1`.
        text: String,
    },
}

impl Stream {
    /// This stream, with its recent bytes kept in `trace`.
    #[must_use]
    pub fn traced(self, trace: Arc<Trace>) -> Self {
        Self::Traced(Box::new(Traced::new(self, trace)))
    }

    /// This stream, misbehaving by `plan`; the injector tells what it did.
    #[must_use]
    pub fn faulty(self, plan: FaultPlan) -> (Self, Arc<Injector>) {
        let (stream, injector) = Faulty::new(self, plan);
        (Self::Faulty(Box::new(stream)), injector)
    }

    /// Certificates the other side showed, its own first. Empty without TLS or if it showed none.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Tls(stream) => stream.get_ref().1.peer_certificates().unwrap_or_default(),
            Self::Traced(inner) => inner.get_ref().peer_certificates(),
            Self::Faulty(inner) => inner.get_ref().peer_certificates(),
            Self::Tcp(_) | Self::Serial(_) | Self::Mock(_) => &[],
        }
    }

    /// The role in the other side's certificate (Modbus/TCP Security, OID 1.3.6.1.4.1.50316.802.1).
    pub fn peer_role(&self) -> Option<String> {
        self.peer_certificates().first().and_then(|der| tls::modbus_role(der))
    }

    /// How well the stream is protected.
    pub fn security(&self) -> Security {
        match self {
            Self::Tls(stream) => {
                let (_, session) = stream.get_ref();
                let version = session.protocol_version().map_or("TLS", tls::version_name);
                let peer =
                    session.peer_certificates().and_then(<[_]>::first).and_then(|der| tls::subject(der));
                let text = peer
                    .map_or_else(|| version.to_owned(), |name| format!("{version}, certificate of {name}"));
                Security::Tls { text }
            }
            Self::Traced(inner) => inner.get_ref().security(),
            Self::Faulty(inner) => inner.get_ref().security(),
            Self::Tcp(_) | Self::Serial(_) | Self::Mock(_) => Security::None,
        }
    }

    /// Address of the other side, if it has one.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Tls(stream) => stream.get_ref().0.peer_addr().ok(),
            Self::Traced(inner) => inner.get_ref().peer_address(),
            Self::Faulty(inner) => inner.get_ref().peer_address(),
            Self::Serial(_) | Self::Mock(_) => None,
        }
    }

    /// Lets a TCP connection end when the other machine has not acknowledged what was sent within `time` (RFC 5482).
    /// Others are left as they are.
    pub fn give_up_after(&self, time: std::time::Duration) {
        let tcp = match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
            Self::Traced(inner) => return inner.get_ref().give_up_after(time),
            Self::Faulty(inner) => return inner.get_ref().give_up_after(time),
            Self::Serial(_) | Self::Mock(_) => return,
        };
        // A platform that does not know it goes without: keep-alive still ends a dead connection.
        let _ = socket2::SockRef::from(tcp).set_tcp_user_timeout(Some(time));
    }

    /// Our own address on this stream, if it has one.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            Self::Tls(stream) => stream.get_ref().0.local_addr().ok(),
            Self::Traced(inner) => inner.get_ref().local_address(),
            Self::Faulty(inner) => inner.get_ref().local_address(),
            Self::Serial(_) | Self::Mock(_) => None,
        }
    }

    /// Throws away what a serial line received and nobody read, as after a time-out on RTU. Returns whether the
    /// stream could do so; on others the caller reads until silence instead.
    pub fn discard_input(&self) -> bool {
        match self {
            Self::Serial(line) => serial::discard(line),
            Self::Traced(inner) => inner.get_ref().discard_input(),
            Self::Faulty(inner) => inner.get_ref().discard_input(),
            Self::Tcp(_) | Self::Tls(_) | Self::Mock(_) => false,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(inner) => Pin::new(inner).poll_read(cx, buf),
            Self::Tls(inner) => Pin::new(inner.as_mut()).poll_read(cx, buf),
            Self::Serial(inner) => Pin::new(inner).poll_read(cx, buf),
            Self::Mock(inner) => Pin::new(inner).poll_read(cx, buf),
            Self::Traced(inner) => Pin::new(inner.as_mut()).poll_read(cx, buf),
            Self::Faulty(inner) => Pin::new(inner.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(inner) => Pin::new(inner).poll_write(cx, data),
            Self::Tls(inner) => Pin::new(inner.as_mut()).poll_write(cx, data),
            Self::Serial(inner) => Pin::new(inner).poll_write(cx, data),
            Self::Mock(inner) => Pin::new(inner).poll_write(cx, data),
            Self::Traced(inner) => Pin::new(inner.as_mut()).poll_write(cx, data),
            Self::Faulty(inner) => Pin::new(inner.as_mut()).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(inner) => Pin::new(inner).poll_flush(cx),
            Self::Tls(inner) => Pin::new(inner.as_mut()).poll_flush(cx),
            // tcdrain would block the thread until the last bit left the UART; the kernel sends without it.
            Self::Serial(_) => Poll::Ready(Ok(())),
            Self::Mock(inner) => Pin::new(inner).poll_flush(cx),
            Self::Traced(inner) => Pin::new(inner.as_mut()).poll_flush(cx),
            Self::Faulty(inner) => Pin::new(inner.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(inner) => Pin::new(inner).poll_shutdown(cx),
            Self::Tls(inner) => Pin::new(inner.as_mut()).poll_shutdown(cx),
            Self::Serial(_) => Poll::Ready(Ok(())),
            Self::Mock(inner) => Pin::new(inner).poll_shutdown(cx),
            Self::Traced(inner) => Pin::new(inner.as_mut()).poll_shutdown(cx),
            Self::Faulty(inner) => Pin::new(inner.as_mut()).poll_shutdown(cx),
        }
    }
}
