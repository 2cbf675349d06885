//! Certificates and keys from PEM, with words for what is wrong with a file.

use super::provider;
use model::Fault;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;

/// No certificate file is larger than this; a larger one is some other file.
const MAX_FILE: u64 = 4 << 20;

/// Reads a certificate or key file.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>, Fault> {
    let refuse = |why: String| Fault::Config(format!("{what} {}: {why}", path.display()).into());
    let size = std::fs::metadata(path).map_err(|error| refuse(io_words(&error)))?.len();
    if size > MAX_FILE {
        return Err(refuse(format!("{size} bytes is too much for PEM text; is it the right file?")));
    }
    std::fs::read(path).map_err(|error| refuse(io_words(&error)))
}

fn io_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "this account may not read it".into(),
        _ => error.to_string(),
    }
}

/// All certificates of a PEM text, in its order.
///
/// # Errors
/// [`Fault::Config`] when there is none or one is damaged; `what` names the text in it.
pub fn certificates_from_pem(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(Fault::Config(
            format!(
                "{what}: no certificate in it; it needs a block that begins with -----BEGIN CERTIFICATE-----"
            )
            .into(),
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(Fault::Config(format!("{what}: damaged PEM: {error}").into())),
    }
}

fn key_from_pem(pem: &[u8], what: &str) -> Result<PrivateKeyDer<'static>, Fault> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = pem.windows(9).any(|part| part == b"ENCRYPTED");
        let why = match error {
            _ if encrypted => {
                "the key is protected by a pass phrase; store it without one, readable by this account alone"
                    .to_owned()
            }
            Error::NoItemsFound => {
                "no private key in it; it needs a block that ends with PRIVATE KEY-----".to_owned()
            }
            other => format!("damaged PEM: {other}"),
        };
        Fault::Config(format!("{what}: {why}").into())
    })
}

/// A certificate chain and its key, checked to belong together.
///
/// # Errors
/// [`Fault::Config`] when one is missing, damaged, of an unknown kind, or the key is not the certificate's.
pub fn certified_key(chain_pem: &[u8], key_pem: &[u8], what: &str) -> Result<Arc<CertifiedKey>, Fault> {
    let chain = certificates_from_pem(chain_pem, what)?;
    let key = key_from_pem(key_pem, what)?;
    CertifiedKey::from_der(chain, key, &provider()).map(Arc::new).map_err(|error| {
        let why = match error {
            rustls::Error::InconsistentKeys(_) => "the key does not belong to the certificate".to_owned(),
            other => format!("cannot be used: {other}"),
        };
        Fault::Config(format!("{what}: {why}").into())
    })
}
