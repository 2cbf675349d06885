//! The way to a database: dialling, TLS, signing in.

use super::server::Database;
use super::words::fault;
use model::Fault;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, oneshot};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, NoTls, TlsConnect, TlsStream};
use tokio_postgres::{AsyncMessage, Client, Config, Connection};
use transport::{Stream, Target};

/// Signs in. What ends the connection comes out of the receiver; the bell rings when somebody says `NOTIFY` on a channel that
/// was listened to.
pub async fn connect(server: &Database) -> Result<(Client, oneshot::Receiver<Fault>, Arc<Notify>), Fault> {
    let (user, password) = server.credentials()?;
    let mut config = Config::new();
    config.user(user).dbname(&server.name).application_name("ironbridge");
    if !password.is_empty() {
        config.password(password);
    }
    let target = Target::Tcp { host: server.address.host.clone(), port: server.address.port };
    let stream = transport::dial(&target, server.timeout).await?;
    let (say, ended) = oneshot::channel();
    let signing_in = |e: tokio_postgres::Error| fault(&e, "signing in");
    let bell = Arc::new(Notify::new());
    let ring = bell.clone();
    let client = match &server.tls {
        None => {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(signing_in)?;
            tokio::spawn(async move { drop(say.send(lead(connection, &ring).await)) });
            client
        }
        Some(tls) => {
            config.ssl_mode(SslMode::Require);
            let upgrade =
                Upgrade { host: server.address.host.clone(), tls: tls.clone(), timeout: server.timeout };
            let (client, connection) = config.connect_raw(stream, upgrade).await.map_err(signing_in)?;
            tokio::spawn(async move { drop(say.send(lead(connection, &ring).await)) });
            client
        }
    };
    Ok((client, ended, bell))
}

/// Drives the connection to its end.
async fn lead<T>(mut connection: Connection<Stream, T>, bell: &Notify) -> Fault
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(_))) => bell.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(error)) => return fault(&error, "the connection"),
            None => return Fault::Lost("the database closed the connection".into()),
        }
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
