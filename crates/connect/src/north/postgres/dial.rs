//! The way to a database: dialling, TLS, signing in.

use super::config::Server;
use super::words::fault;
use model::Fault;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, NoTls, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config};
use transport::{Stream, Target};

/// Signs in. What ends the connection comes out of the receiver.
pub(super) async fn connect(server: &Server) -> Result<(Client, oneshot::Receiver<Fault>), Fault> {
    let (user, password) = server.credentials()?;
    let mut config = Config::new();
    config.user(user).dbname(&server.database).application_name("ironbridge");
    if !password.is_empty() {
        config.password(password);
    }
    let target = Target::Tcp { host: server.address.host.clone(), port: server.address.port };
    let stream = transport::dial(&target, server.timeout).await?;
    let (say, ended) = oneshot::channel();
    let signing_in = |e: tokio_postgres::Error| fault(&e, "signing in");
    let client = match &server.tls {
        None => {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(signing_in)?;
            tokio::spawn(async move { drop(say.send(over(connection.await))) });
            client
        }
        Some(tls) => {
            config.ssl_mode(SslMode::Require);
            let upgrade =
                Upgrade { host: server.address.host.clone(), tls: tls.clone(), timeout: server.timeout };
            let (client, connection) = config.connect_raw(stream, upgrade).await.map_err(signing_in)?;
            tokio::spawn(async move { drop(say.send(over(connection.await))) });
            client
        }
    };
    Ok((client, ended))
}

fn over(ended: Result<(), tokio_postgres::Error>) -> Fault {
    match ended {
        Ok(()) => Fault::Lost("the database closed the connection".into()),
        Err(error) => fault(&error, "the connection"),
    }
}

/// TLS over the stream, when the database has said yes to it.
struct Upgrade {
    host: String,
    tls: transport::TlsClient,
    timeout: Duration,
}

impl TlsConnect<Stream> for Upgrade {
    type Stream = Encrypted;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted, Fault>> + Send>>;

    fn connect(self, stream: Stream) -> Self::Future {
        Box::pin(async move {
            transport::upgrade(stream, &self.host, &self.tls, self.timeout).await.map(Encrypted)
        })
    }
}

/// A stream after the upgrade.
struct Encrypted(Stream);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
