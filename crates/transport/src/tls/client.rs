//! The dialling side of TLS.

use super::{certificates_from_pem, certified_key, pem, provider};
use model::Fault;
use parking_lot::Mutex;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Where Linux distributions keep the authorities that the machine trusts.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Files of a TLS client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM bundle of authorities to trust; `None`: those the machine trusts.
    pub ca: Option<PathBuf>,
    /// PEM chain of our own certificate, own first; needs `key`.
    pub certificate: Option<PathBuf>,
    /// PEM private key of our own certificate.
    pub key: Option<PathBuf>,
    /// The name the other side's certificate must carry, where it differs from the host dialled.
    pub server_name: Option<String>,
    /// Protocols offered by ALPN, e.g. `mqtt`; mostly empty.
    pub alpn: Vec<String>,
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.ca, &self.certificate, &self.key].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Size and time of each file: changes when one is replaced.
    fn stamp(&self) -> Vec<Option<(u64, Option<SystemTime>)>> {
        self.paths().map(|path| std::fs::metadata(path).ok().map(|m| (m.len(), m.modified().ok()))).collect()
    }
}

type Stamp = Vec<Option<(u64, Option<SystemTime>)>>;

/// Whom to trust and how to show oneself. Cheap to clone. Files are read again when they change, so that a renewed
/// certificate is used from the next connection on.
#[derive(Clone)]
pub struct TlsClient {
    server_name: Option<ServerName<'static>>,
    source: Arc<Source>,
}

enum Source {
    Fixed(Arc<ClientConfig>),
    Files { files: TlsFiles, loaded: Mutex<(Stamp, Arc<ClientConfig>)> },
}

impl TlsClient {
    /// From files.
    ///
    /// # Errors
    /// [`Fault::Config`] names the file and what is wrong with it.
    pub fn from_files(files: TlsFiles) -> Result<Self, Fault> {
        let server_name = files.server_name.as_deref().map(parse_name).transpose()?;
        let stamp = files.stamp();
        let config = load(&files)?;
        Ok(Self {
            server_name,
            source: Arc::new(Source::Files { files, loaded: Mutex::new((stamp, config)) }),
        })
    }

    /// From PEM texts: authorities to trust, and our own chain and key if the other side wants one.
    ///
    /// # Errors
    /// [`Fault::Config`] when a text is no PEM, or key and certificate do not belong together.
    pub fn from_pem(
        ca: &[u8],
        identity: Option<(&[u8], &[u8])>,
        server_name: Option<&str>,
    ) -> Result<Self, Fault> {
        let roots = roots_from(ca, "ca")?;
        let identity =
            identity.map(|(chain, key)| certified_key(chain, key, "client certificate")).transpose()?;
        let server_name = server_name.map(parse_name).transpose()?;
        Ok(Self { server_name, source: Arc::new(Source::Fixed(build(roots, identity, &[])?)) })
    }

    /// The rustls configuration to use for the next connection. If a changed file cannot be used, the one before
    /// stays in use and a warning is logged.
    ///
    /// # Errors
    /// None at present; kept so that callers are ready for it.
    pub fn current(&self) -> Result<Arc<ClientConfig>, Fault> {
        match &*self.source {
            Source::Fixed(config) => Ok(config.clone()),
            Source::Files { files, loaded } => {
                let mut loaded = loaded.lock();
                let stamp = files.stamp();
                if stamp != loaded.0 {
                    match load(files) {
                        Ok(config) => *loaded = (stamp, config),
                        Err(error) => {
                            tracing::warn!(%error, "changed TLS files cannot be used; the ones before stay")
                        }
                    }
                }
                Ok(loaded.1.clone())
            }
        }
    }

    /// The name to verify when `host` is dialled.
    ///
    /// # Errors
    /// [`Fault::Config`] when `host` is neither a name nor an address.
    pub fn name_for(&self, host: &str) -> Result<ServerName<'static>, Fault> {
        self.server_name.clone().map_or_else(|| parse_name(host), Ok)
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

fn parse_name(text: &str) -> Result<ServerName<'static>, Fault> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| Fault::Config(format!("`{text}` is neither a host name nor an address").into()))
}

fn load(files: &TlsFiles) -> Result<Arc<ClientConfig>, Fault> {
    let roots = match &files.ca {
        Some(path) => roots_from(&pem::read(path, "ca")?, &format!("ca {}", path.display()))?,
        None => system_roots()?,
    };
    let identity = match (&files.certificate, &files.key) {
        (Some(chain), Some(key)) => {
            let what = format!("certificate {} with key {}", chain.display(), key.display());
            Some(certified_key(&pem::read(chain, "certificate")?, &pem::read(key, "key")?, &what)?)
        }
        (None, None) => None,
        (Some(_), None) => return Err(Fault::Config("`certificate` is given without its `key`".into())),
        (None, Some(_)) => return Err(Fault::Config("`key` is given without its `certificate`".into())),
    };
    build(roots, identity, &files.alpn)
}

fn roots_from(pem: &[u8], what: &str) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_from_pem(pem, what)? {
        roots.add(certificate).map_err(|error| {
            Fault::Config(
                format!("{what}: a certificate in it cannot be used as an authority: {error}").into(),
            )
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, Fault> {
    let bundle = SYSTEM_BUNDLES.into_iter().map(Path::new).find(|path| path.exists()).ok_or_else(|| {
        Fault::Config(
            "this machine has no list of trusted authorities; install ca-certificates or give `ca`".into(),
        )
    })?;
    let mut roots = RootCertStore::empty();
    // A distribution's list may hold a few that rustls does not take; the rest are fine.
    let found = certificates_from_pem(&pem::read(bundle, "authorities")?, &bundle.display().to_string())?;
    let (_, ignored) = roots.add_parsable_certificates(found);
    if ignored > 0 {
        tracing::debug!(ignored, bundle = %bundle.display(), "some of the machine's authorities cannot be used");
    }
    Ok(roots)
}

fn build(
    roots: RootCertStore,
    identity: Option<Arc<CertifiedKey>>,
    alpn: &[String],
) -> Result<Arc<ClientConfig>, Fault> {
    let refuse = |error: &dyn fmt::Display| Fault::Config(format!("TLS: {error}").into());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| refuse(&error))?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(&error))?
        .with_webpki_verifier(verifier);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(Own(identity))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// Our one client certificate, shown to whoever asks: OT servers often announce no or wrong authority names.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).map(|_| self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let fault = |files: TlsFiles| TlsClient::from_files(files).unwrap_err().to_string();
        let with_ca = || TlsFiles { ca: Some(file.clone()), ..TlsFiles::default() };
        assert!(fault(with_ca()).contains("no such file"));
        std::fs::write(&file, "not PEM").unwrap();
        assert!(fault(with_ca()).contains("no certificate in it"), "{}", fault(with_ca()));
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").unwrap();
        assert!(fault(with_ca()).contains("damaged PEM"), "{}", fault(with_ca()));
        let half = TlsFiles { certificate: Some(file), ..TlsFiles::default() };
        let said = fault(half);
        assert!(said.contains("without its `key`") || said.contains("no list of trusted"), "{said}");
        let name = TlsFiles { server_name: Some("not a name".into()), ..TlsFiles::default() };
        assert!(fault(name).contains("neither a host name nor an address"));
    }
}
