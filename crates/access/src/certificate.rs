//! The built-in certificate authority: certificates for our own listeners, from the first minute.

use crate::{AccessError, files, random};
use model::{Clock, Time};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use transport::tls::{certificates_from_pem, certified_key, summary};
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The authority's own certificate is valid this long.
const CA_VALID: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// A listener certificate is valid this long; browsers refuse more than 398 days.
const VALID: Duration = Duration::from_secs(365 * 24 * 3600);
/// And renewed when less than this is left.
const RENEW: Duration = Duration::from_secs(30 * 24 * 3600);

/// The built-in authority (ECDSA P-256). It comes into being when a certificate is first asked for.
pub struct CertificateAuthority {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    one_at_a_time: Mutex<()>,
}

/// A listener certificate on disk.
#[derive(Serialize, Deserialize)]
struct Issued {
    names: Vec<String>,
    issuer: String,
    chain: String,
    key: String,
}

impl CertificateAuthority {
    pub(crate) fn new(dir: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { dir, clock, one_at_a_time: Mutex::new(()) }
    }

    /// The authority's certificate (PEM), for people and programs to trust. Makes the authority if there is none.
    ///
    /// # Errors
    /// When its files cannot be read or written.
    pub fn ca_pem(&self) -> Result<String, AccessError> {
        let _guard = self.one_at_a_time.lock();
        self.load_or_make().map(|(pem, _)| pem)
    }

    /// SHA-256 of the authority's certificate, as browsers show it (`AB:CD:...`): to compare before trusting it.
    ///
    /// # Errors
    /// As [`CertificateAuthority::ca_pem`].
    pub fn fingerprint(&self) -> Result<String, AccessError> {
        let pem = self.ca_pem()?;
        let der = certificates_from_pem(pem.as_bytes(), "ca").map_err(|fault| certificate_error(&fault))?;
        let digest = Sha256::digest(der.first().map(|der| der.as_ref()).unwrap_or_default());
        Ok(digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
    }

    /// A certificate for a listener reached by `names` (host names and addresses). The one on disk, if it is for the
    /// same names and has 30 days left, else a new one.
    ///
    /// # Errors
    /// [`AccessError::Certificate`] for a name that cannot stand in a certificate; storage.
    pub fn listener_certificate(&self, names: &[String]) -> Result<Arc<CertifiedKey>, AccessError> {
        let _guard = self.one_at_a_time.lock();
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Err(AccessError::Certificate("a listener needs at least one name or address".into()));
        }
        let (ca, key) = self.load_or_make()?;
        let file = self.dir.join(format!("listener-{}.json", &random::digest_hex(&names.join("\n"))[..16]));
        let fingerprint = random::digest_hex(&ca);
        if let Some(kept) = self.kept(&file, &names, &fingerprint)? {
            return Ok(kept);
        }
        let issued = self.issue(&names, &ca, key, fingerprint)?;
        let text = serde_json::to_vec_pretty(&issued)
            .map(Zeroizing::new)
            .map_err(|error| AccessError::Certificate(error.to_string()))?;
        files::replace(&file, &text)?;
        tracing::info!(names = names.join(", "), "a listener certificate was issued");
        usable(&issued)
    }

    /// The certificate on disk, if it still serves. One that cannot be read is simply made anew.
    fn kept(
        &self,
        file: &std::path::Path,
        names: &[String],
        ca: &str,
    ) -> Result<Option<Arc<CertifiedKey>>, AccessError> {
        let Some(bytes) = files::read(file)? else { return Ok(None) };
        let Ok(issued) = serde_json::from_slice::<Issued>(&bytes) else { return Ok(None) };
        if issued.names != names || issued.issuer != ca {
            return Ok(None);
        }
        Ok(usable(&issued).ok().filter(|key| !self.is_due(key)))
    }

    /// Whether a certificate has less than 30 days left, or is not valid yet.
    pub(crate) fn is_due(&self, key: &CertifiedKey) -> bool {
        let now = self.clock.now();
        let Some(shown) = key.cert.first().and_then(|der| summary(der)) else { return true };
        shown.not_before > now || now.after(RENEW) >= shown.not_after
    }

    fn load_or_make(&self) -> Result<(String, KeyPair), AccessError> {
        files::private_dir(&self.dir)?;
        let (cert, key) = (self.dir.join("ca.pem"), self.dir.join("ca.key"));
        let read = |path: &PathBuf| -> Result<Option<Zeroizing<String>>, AccessError> {
            let Some(bytes) = files::read(path)? else { return Ok(None) };
            String::from_utf8(bytes)
                .map(|text| Some(Zeroizing::new(text)))
                .map_err(|_| damaged(path, "is no text"))
        };
        match (read(&cert)?, read(&key)?) {
            (Some(pem), Some(text)) => {
                let pair = KeyPair::from_pem(&text).map_err(|error| damaged(&key, &error.to_string()))?;
                certified_key(pem.as_bytes(), text.as_bytes(), "ca")
                    .map_err(|fault| damaged(&cert, &fault.to_string()))?;
                Ok((pem.to_string(), pair))
            }
            // The key is written first: without a certificate nobody ever trusted it.
            (None, _) => self.make(&cert, &key),
            (Some(_), None) => Err(damaged(&key, "is missing")),
        }
    }

    fn make(&self, cert: &std::path::Path, key: &std::path::Path) -> Result<(String, KeyPair), AccessError> {
        let pair = generate()?;
        let mut params = CertificateParams::new(Vec::new()).map_err(|error| refused(&error))?;
        let name = format!("Ironbridge authority {}", random::id()?);
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        self.set_times(&mut params, CA_VALID);
        let pem = params.self_signed(&pair).map_err(|error| refused(&error))?.pem();
        files::replace(key, Zeroizing::new(pair.serialize_pem()).as_bytes())?;
        files::replace(cert, pem.as_bytes())?;
        tracing::info!(name, "the built-in certificate authority was made");
        Ok((pem, pair))
    }

    fn issue(
        &self,
        names: &[String],
        ca: &str,
        ca_key: KeyPair,
        issuer: String,
    ) -> Result<Issued, AccessError> {
        let authority = Issuer::from_ca_cert_pem(ca, ca_key).map_err(|error| refused(&error))?;
        let mut params = CertificateParams::new(names.to_vec()).map_err(|error| refused(&error))?;
        let first = names.first().map_or("ironbridge", String::as_str);
        params.distinguished_name.push(DnType::CommonName, first);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.set_times(&mut params, VALID);
        let pair = generate()?;
        let own = params.signed_by(&pair, &authority).map_err(|error| refused(&error))?;
        Ok(Issued {
            names: names.to_vec(),
            issuer,
            chain: format!("{}{ca}", own.pem()),
            key: pair.serialize_pem(),
        })
    }

    /// Valid from yesterday (clocks of others may be behind) for `span`.
    fn set_times(&self, params: &mut CertificateParams, span: Duration) {
        let now = self.clock.now();
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + now.before(DAY).since(Time::ZERO);
        params.not_after = epoch + now.after(span).since(Time::ZERO);
    }
}

impl Drop for Issued {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

fn generate() -> Result<KeyPair, AccessError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| refused(&error))
}

fn usable(issued: &Issued) -> Result<Arc<CertifiedKey>, AccessError> {
    certified_key(issued.chain.as_bytes(), issued.key.as_bytes(), "listener certificate")
        .map_err(|fault| certificate_error(&fault))
}

fn refused(error: &rcgen::Error) -> AccessError {
    AccessError::Certificate(error.to_string())
}

pub(crate) fn certificate_error(fault: &model::Fault) -> AccessError {
    AccessError::Certificate(fault.to_string())
}

fn damaged(path: &std::path::Path, what: &str) -> AccessError {
    let why = format!(
        "{what}. Restore the folder from a backup; or remove it: a new authority is made, which everybody has to trust anew"
    );
    AccessError::Corrupt { path: path.to_owned(), why }
}
