//! TLS for our own listeners, and the rule that asks for it.

use crate::certificate::certificate_error;
use crate::{Access, AccessError, CertificateAuthority};
use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use transport::TlsServer;
use transport::tls::{CertificateSummary, ClientAuthority, certified_key, server_config, summary};

/// Where a listener's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// From the built-in authority, for these host names and addresses.
    BuiltIn {
        /// Names and addresses by which people reach the listener.
        names: Vec<String>,
    },
    /// From the plant's own PEM files.
    Files {
        /// Chain, own certificate first.
        certificate: PathBuf,
        /// Private key.
        key: PathBuf,
    },
}

/// The certificate of a listener, kept fresh by [`Access::housekeeping`].
pub struct ListenerTls {
    source: Certificate,
    resolver: Arc<Current>,
    stamp: Mutex<Option<Stamp>>,
    config: Arc<ServerConfig>,
}

/// Signatures over SHA-256, and those that RFC 5929 treats so: RSA, ECDSA, and RSA with MD5 or SHA-1.
const SHA_256: [&str; 4] =
    ["1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5"];

type Stamp = [Option<(u64, Option<SystemTime>)>; 2];

/// The certificate of this moment.
struct Current(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

impl ListenerTls {
    /// The rustls configuration: TLS 1.2 or newer, `ring`.
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The same, for [`transport::Listener`].
    pub fn server(&self) -> TlsServer {
        TlsServer::from_config(self.config.clone())
    }

    /// The hash of the certificate in use, for channel binding by `tls-server-end-point` (RFC 5929 section 4.1). `None`
    /// where its signature names another hash than SHA-256.
    pub fn end_point(&self) -> Option<Vec<u8>> {
        let key = self.resolver.0.read().clone();
        let der = key.cert.first()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
        let by = parsed.signature_algorithm.algorithm.to_id_string();
        SHA_256.contains(&by.as_str()).then(|| Sha256::digest(der).to_vec())
    }

    /// What is shown of the certificate in use.
    pub fn certificate(&self) -> Option<CertificateSummary> {
        self.resolver.0.read().cert.first().and_then(|der| summary(der))
    }

    /// Whether anybody but the housekeeping still holds it or its configuration.
    pub(crate) fn is_in_use(this: &Arc<Self>) -> bool {
        Arc::strong_count(this) > 1 || Arc::strong_count(&this.config) > 1
    }

    /// Takes a renewed certificate into use. Connections that are open keep theirs. A failure is logged and the one in
    /// use stays.
    pub(crate) fn renew(&self, authority: &CertificateAuthority) {
        let fresh = match &self.source {
            Certificate::BuiltIn { names } => {
                if !authority.is_due(&self.resolver.0.read()) {
                    return;
                }
                authority.listener_certificate(names)
            }
            Certificate::Files { certificate, key } => {
                let stamp = stamp_of(certificate, key);
                if self.stamp.lock().replace(stamp) == Some(stamp) {
                    return;
                }
                from_files(certificate, key)
            }
        };
        match fresh {
            Ok(fresh) => *self.resolver.0.write() = fresh,
            Err(error) => {
                tracing::error!(%error, "a listener certificate could not be renewed; the one in use stays")
            }
        }
    }
}

fn stamp_of(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| std::fs::metadata(path).ok().map(|meta| (meta.len(), meta.modified().ok())))
}

fn from_files(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, AccessError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| AccessError::Certificate(format!("{}: {error}", path.display())))
    };
    let what = format!("certificate {} with key {}", certificate.display(), key.display());
    certified_key(&read(certificate)?, &read(key)?, &what).map_err(|fault| certificate_error(&fault))
}

impl Access {
    /// TLS for a listener. `alpn` lists the protocols to agree on (`http/1.1`); `clients` can demand certificates.
    ///
    /// # Errors
    /// [`AccessError::Certificate`] says which file is wrong and how; storage of the built-in authority.
    pub fn listener_tls(
        &self,
        source: Certificate,
        clients: &ClientAuthority,
        alpn: &[&str],
    ) -> Result<Arc<ListenerTls>, AccessError> {
        let (key, stamp) = match &source {
            Certificate::BuiltIn { names } => (self.0.authority.listener_certificate(names)?, None),
            Certificate::Files { certificate, key } => {
                let stamp = stamp_of(certificate, key);
                (from_files(certificate, key)?, Some(stamp))
            }
        };
        let resolver = Arc::new(Current(RwLock::new(key)));
        let config =
            server_config(resolver.clone(), clients, alpn).map_err(|fault| certificate_error(&fault))?;
        let listener = Arc::new(ListenerTls { source, resolver, stamp: Mutex::new(stamp), config });
        self.0.listeners.lock().push(listener.clone());
        Ok(listener)
    }
}

/// The rule for listen addresses: an address that others can reach needs TLS. `host` is an address or a name, without
/// port.
///
/// # Errors
/// What to write instead.
pub fn check_listener(host: &str, has_tls: bool) -> Result<(), String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    };
    if has_tls || is_loopback {
        return Ok(());
    }
    Err(format!(
        "`{host}` can be reached from outside this machine, and that needs TLS; add `tls = \"built-in\"` (or your own \
         certificate files), or listen on 127.0.0.1"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_tls() {
        for host in ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"] {
            assert_eq!(check_listener(host, false), Ok(()), "{host}");
        }
        for host in [
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "192.168.1.5",
            "plant.example",
            "",
            "localhost.evil.example",
            "1.0.0.127",
        ] {
            assert!(check_listener(host, false).unwrap_err().contains("needs TLS"), "{host}");
            assert_eq!(check_listener(host, true), Ok(()), "{host}");
        }
    }
}
