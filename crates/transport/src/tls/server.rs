//! The accepting side of TLS.

use super::{certificates_from_pem, certified_key, pem, provider};
use crate::Stream;
use crate::words::fault_from_io;
use model::Fault;
use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// Files of a TLS server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsServerFiles {
    /// PEM chain, own certificate first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM bundle of authorities: every client must then show a certificate from one of them.
    pub client_ca: Option<PathBuf>,
}

/// Which clients may connect.
#[derive(Clone, Debug, Default)]
pub enum ClientAuthority {
    /// Any; they prove themselves later, if at all.
    #[default]
    Anyone,
    /// Only those with a certificate from one of these authorities (PEM).
    Required(Vec<u8>),
}

/// A TLS server configuration; cheap to clone.
#[derive(Clone)]
pub struct TlsServer(Arc<ServerConfig>);

impl TlsServer {
    /// From files.
    ///
    /// # Errors
    /// [`Fault::Config`] names the file and what is wrong with it.
    pub fn from_files(files: &TlsServerFiles) -> Result<Self, Fault> {
        let chain = pem::read(&files.certificate, "certificate")?;
        let key = pem::read(&files.key, "key")?;
        let clients = match &files.client_ca {
            Some(path) => ClientAuthority::Required(pem::read(path, "client_ca")?),
            None => ClientAuthority::Anyone,
        };
        let what = format!("certificate {} with key {}", files.certificate.display(), files.key.display());
        let own = certified_key(&chain, &key, &what)?;
        server_config(Arc::new(One(own)), &clients, &[]).map(Self)
    }

    /// From PEM texts.
    ///
    /// # Errors
    /// [`Fault::Config`] when a text is no PEM, or key and certificate do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8], clients: &ClientAuthority) -> Result<Self, Fault> {
        let own = certified_key(chain, key, "server certificate")?;
        server_config(Arc::new(One(own)), clients, &[]).map(Self)
    }

    /// From a configuration made with [`server_config`].
    pub const fn from_config(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }

    /// The rustls configuration.
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.0
    }

    /// Makes the handshake on a connection that was accepted, within `timeout`: for protocols that begin plainly.
    ///
    /// # Errors
    /// [`Fault::Security`] when certificates do not fit, [`Fault::Lost`] when the caller went away or was too slow.
    pub async fn accept(&self, tcp: TcpStream, timeout: Duration) -> Result<Stream, Fault> {
        match tokio::time::timeout(timeout, TlsAcceptor::from(self.0.clone()).accept(tcp)).await {
            Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream.into()))),
            Ok(Err(error)) => Err(fault_from_io(&error)),
            Err(_) => Err(Fault::Lost("the TLS handshake took too long".into())),
        }
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

/// A server configuration whose certificate comes from `own` at each handshake, so that it can be renewed without a
/// restart. `alpn` lists the protocols to agree on, e.g. `http/1.1`.
///
/// # Errors
/// [`Fault::Config`] when the client authorities cannot be used.
pub fn server_config(
    own: Arc<dyn ResolvesServerCert>,
    clients: &ClientAuthority,
    alpn: &[&str],
) -> Result<Arc<ServerConfig>, Fault> {
    let refuse = |error: &dyn fmt::Display| Fault::Config(format!("TLS: {error}").into());
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(&error))?;
    let builder = match clients {
        ClientAuthority::Anyone => builder.with_no_client_auth(),
        ClientAuthority::Required(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates_from_pem(pem, "client_ca")? {
                roots
                    .add(certificate)
                    .map_err(|error| Fault::Config(format!("client_ca: {error}").into()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            builder.with_client_cert_verifier(verifier.build().map_err(|error| refuse(&error))?)
        }
    };
    let mut config = builder.with_cert_resolver(own);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// The same certificate for everybody.
#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
