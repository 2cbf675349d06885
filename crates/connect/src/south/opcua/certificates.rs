//! Certificates of OPC UA: our own, those of servers that are trusted, and those that were refused.
//!
//! ```text
//!  DATA/opc-ua/own/cert.der           ours, made once; servers are told to trust it
//!             /private/private.pem    its key, for the owner alone
//!             /trusted/*.der          servers, or authorities that sign servers' certificates
//!             /rejected/*.der         servers that asked to be trusted, waiting for a person
//!             /clients/trusted, rejected   the same for clients of our own server
//! ```
//! Rationale: the names are those that OPC UA people know from other products, and one file is one decision, so that a
//! person can also decide with a file manager.

use model::{Fault, Time};
use opcua::crypto::{CertificateStore, PrivateKey, X509, X509Data};
use parking_lot::Mutex;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long our own certificate is valid, in days.
const VALID_DAYS: u32 = 3_650;
/// Bits of our own key (all current policies take 2,048 to 4,096).
const KEY_BITS: u32 = 2_048;
/// Most certificates that are looked at in one folder.
const MOST: usize = 1_000;
/// Most refused certificates that are kept; a stranger could offer any number.
const MOST_REJECTED: usize = 100;
/// Longest file that can be a certificate.
const LONGEST: u64 = 64 * 1024;

/// The folder.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

/// Our own certificate.
pub(super) struct Own {
    pub(super) certificate: X509,
    pub(super) key: PrivateKey,
    /// The application URI that stands in it (OPC 10000-6, 6.2.2): servers compare it with what we say we are.
    pub(super) uri: String,
}

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Servers with it, or with one that it signed, are talked to.
    Trusted,
    /// A server showed it and was refused.
    Rejected,
}

/// Who showed a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// A server that a connection goes to.
    Server,
    /// A client of our own server.
    Client,
}

/// What our own server proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The certificate (DER).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// The application URI in it.
    pub uri: String,
}

/// A certificate in one of the two lists.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Entry {
    /// SHA-1 of the certificate in hexadecimal, as OPC UA names certificates.
    pub thumbprint: String,
    /// Whose it says it is.
    pub subject: String,
    /// The application URI in it; empty without one.
    pub uri: String,
    /// First moment of validity, ms since 1970.
    pub from: f64,
    /// Last moment of validity, ms since 1970.
    pub until: f64,
    /// Trusted or refused.
    pub standing: Standing,
    /// Who showed it.
    pub of: Side,
    #[serde(skip)]
    path: PathBuf,
}

impl Certificates {
    /// The certificates of a data folder. Nothing is read or written yet.
    pub fn in_data(data: &Path) -> Self {
        // Whole: the server's library takes parts of a path for places of its own, and a person is told where files lie.
        let folder = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        Self { folder: folder.join("opc-ua") }
    }

    /// The folder, for messages.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Our own certificate, for servers that must be told to trust it.
    pub fn own_path(&self) -> PathBuf {
        self.folder.join("own/cert.der")
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("private/private.pem")
    }

    /// Where certificates of clients of our own server lie, in folders of the same names.
    pub fn clients(&self) -> PathBuf {
        self.folder.join("clients")
    }

    /// Our own certificate and key, for our own server; made at the first call, which takes a second or two.
    ///
    /// # Errors
    /// In words: the folder cannot be written, or holds something else.
    pub fn proof(&self) -> Result<Proof, String> {
        let own = self.own().map_err(|fault| fault.to_string())?;
        Ok(Proof { certificate: self.own_path(), key: self.key_path(), uri: own.uri })
    }

    fn list_path(&self, of: Side, standing: Standing) -> PathBuf {
        let folder = match of {
            Side::Server => self.folder.clone(),
            Side::Client => self.clients(),
        };
        folder.join(match standing {
            Standing::Trusted => "trusted",
            Standing::Rejected => "rejected",
        })
    }

    /// Creates the folders, for the owner alone.
    fn prepare(&self) -> Result<(), Fault> {
        for sub in ["own", "private", "trusted", "rejected", "clients/trusted", "clients/rejected"] {
            let path = self.folder.join(sub);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|e| broken(&path, &e))?;
        }
        Ok(())
    }

    /// Our own certificate and key; made at the first call. Takes a second or two then.
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else.
    pub(super) fn own(&self) -> Result<Own, Fault> {
        // Connections of a new plant begin together: one makes the pair, the others wait and read it.
        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock();
        self.prepare()?;
        let (path, key_path) = (self.own_path(), self.key_path());
        if !path.exists() && !key_path.exists() {
            make(&path, &key_path)?;
        }
        let der = read(&path)?;
        let certificate = X509::from_der(&der)
            .map_err(|_| Fault::Config(format!("{} is no certificate", path.display()).into()))?;
        let key = CertificateStore::read_pkey(&key_path).map_err(|_| {
            let text = format!(
                "{} cannot be read as a private key; move own/cert.der and it away, and a new pair is made",
                key_path.display()
            );
            Fault::Config(text.into())
        })?;
        let uri = parsed(&der).map(|c| uri_of(&c)).unwrap_or_default();
        Ok(Own { certificate, key, uri })
    }

    /// Decides about a server's certificate. One that is not trusted is put into `rejected`.
    ///
    /// # Errors
    /// [`Fault::Security`] with what to do.
    pub(super) fn judge(&self, der: &[u8], host: &str, now: Time) -> Result<(), Fault> {
        self.prepare()?;
        let Some(certificate) = parsed(der) else {
            return Err(Fault::Security(
                "the server's certificate cannot be read; renew it on the server".into(),
            ));
        };
        let thumbprint = thumbprint(der);
        let trusted = self.files(Side::Server, Standing::Trusted);
        let pinned = trusted.iter().any(|(_, known)| known == der);
        let signed = || trusted.iter().any(|(_, issuer)| signed_by(&certificate, issuer, now));
        if !pinned && !signed() {
            self.keep_rejected(der, &thumbprint)?;
            let text = format!(
                "the server's certificate is not trusted yet: {}, thumbprint {thumbprint}. Compare the thumbprint with \
                 the one that the server shows, then say `ironbridge trust {}`",
                certificate.subject(),
                thumbprint.get(..12).unwrap_or(&thumbprint),
            );
            return Err(Fault::Security(text.into()));
        }
        if let Some(why) = out_of_time(&certificate, now) {
            return Err(Fault::Security(
                format!("the server's certificate {why}; renew it on the server").into(),
            ));
        }
        if !pinned && !names(&certificate, host) {
            let text = format!(
                "the server's certificate was signed by a trusted authority, but for another host than `{host}`; use the \
                 name that stands in it, or say `ironbridge trust {}` once it is in `rejected`",
                thumbprint.get(..12).unwrap_or(&thumbprint)
            );
            self.keep_rejected(der, &thumbprint)?;
            return Err(Fault::Security(text.into()));
        }
        Ok(())
    }

    /// Puts a certificate among the trusted ones, as a person does who got it by another way than the network. DER or PEM.
    ///
    /// # Errors
    /// In words: it is no certificate, or the folder cannot be written.
    pub fn trust(&self, der: &[u8]) -> Result<(), String> {
        let der = &to_der(der.to_vec()).ok_or("this is no certificate")?;
        self.prepare().map_err(|fault| fault.to_string())?;
        let path = self.list_path(Side::Server, Standing::Trusted).join(format!("{}.der", thumbprint(der)));
        fs::write(&path, der).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn keep_rejected(&self, der: &[u8], thumbprint: &str) -> Result<(), Fault> {
        let folder = self.list_path(Side::Server, Standing::Rejected);
        let path = folder.join(format!("{thumbprint}.der"));
        if path.exists() || self.files(Side::Server, Standing::Rejected).len() >= MOST_REJECTED {
            return Ok(());
        }
        fs::write(&path, der).map_err(|e| broken(&path, &e))
    }

    /// The certificates of a list, as DER. What is no certificate is passed over.
    fn files(&self, of: Side, standing: Standing) -> Vec<(PathBuf, Vec<u8>)> {
        let Ok(entries) = fs::read_dir(self.list_path(of, standing)) else { return Vec::new() };
        let mut found: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .take(MOST)
            .filter_map(|path| Some((path.clone(), to_der(read(&path).ok()?)?)))
            .collect();
        found.sort();
        found
    }

    /// All certificates, refused ones first.
    pub fn list(&self) -> Vec<Entry> {
        [Standing::Rejected, Standing::Trusted]
            .into_iter()
            .flat_map(|standing| [(Side::Server, standing), (Side::Client, standing)])
            .flat_map(|(of, standing)| {
                let files = self.files(of, standing).into_iter();
                files.filter_map(move |(path, der)| entry(&der, of, standing, path))
            })
            .collect()
    }

    /// Moves a certificate to a list. `which` is the beginning of its thumbprint, at least 6 digits.
    ///
    /// # Errors
    /// In words: none or several fit, or the folder cannot be written.
    pub fn set(&self, which: &str, standing: Standing) -> Result<Entry, String> {
        let which = which.trim().replace(':', "").to_ascii_lowercase();
        if which.len() < 6 || !which.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("`{which}` is no thumbprint: write at least its first 6 hexadecimal digits"));
        }
        let mut fitting: Vec<Entry> =
            self.list().into_iter().filter(|entry| entry.thumbprint.starts_with(&which)).collect();
        fitting.dedup_by(|a, b| a.thumbprint == b.thumbprint && a.of == b.of);
        let entry = match fitting.as_slice() {
            [] => {
                return Err(format!(
                    "nobody has shown a certificate whose thumbprint begins with {which}; `ironbridge trust` lists them"
                ));
            }
            [one] => one.clone(),
            _ => return Err(format!("several thumbprints begin with {which}; write more digits")),
        };
        if entry.standing == standing {
            return Ok(entry);
        }
        self.prepare().map_err(|fault| fault.to_string())?;
        let name = file_name(&entry).ok_or("the file is no certificate any more")?;
        let path = self.list_path(entry.of, standing).join(name);
        let moved = read(&entry.path)
            .map_err(|fault| fault.to_string())
            .and_then(|bytes| to_der(bytes).ok_or_else(|| "the file is no certificate any more".to_owned()))
            .and_then(|der| fs::write(&path, der).map_err(|e| format!("{}: {e}", path.display())));
        moved?;
        fs::remove_file(&entry.path).map_err(|e| format!("{}: {e}", entry.path.display()))?;
        Ok(Entry { standing, path, ..entry })
    }
}

fn make(path: &Path, key_path: &Path) -> Result<(), Fault> {
    let host = opcua::crypto::hostname().unwrap_or_else(|_| "gateway".to_owned());
    let names = X509Data::alt_host_names(&format!("urn:{host}:ironbridge"), None, true, true, false);
    let data = X509Data {
        key_size: KEY_BITS,
        common_name: format!("Ironbridge on {host}"),
        organization: "Ironbridge".into(),
        organizational_unit: String::new(),
        country: String::new(),
        state: String::new(),
        alt_host_names: names,
        certificate_duration_days: VALID_DAYS,
    };
    CertificateStore::create_certificate_and_key(&data, false, path, key_path)
        .map_err(|why| Fault::Config(format!("our own certificate could not be made: {why}").into()))?;
    fs::set_permissions(key_path, fs::Permissions::from_mode(0o600)).map_err(|e| broken(key_path, &e))
}

/// The library looks for a client's certificate under a name of its own.
fn file_name(entry: &Entry) -> Option<String> {
    match entry.of {
        Side::Server => Some(format!("{}.der", entry.thumbprint)),
        Side::Client => {
            let der = to_der(read(&entry.path).ok()?)?;
            Some(CertificateStore::cert_file_name(&X509::from_der(&der).ok()?))
        }
    }
}

fn entry(der: &[u8], of: Side, standing: Standing, path: PathBuf) -> Option<Entry> {
    let certificate = parsed(der)?;
    let validity = certificate.validity();
    Some(Entry {
        thumbprint: thumbprint(der),
        subject: certificate.subject().to_string(),
        uri: uri_of(&certificate),
        from: validity.not_before.timestamp() as f64 * 1_000.0,
        until: validity.not_after.timestamp() as f64 * 1_000.0,
        standing,
        of,
        path,
    })
}

/// SHA-1 in lower-case hexadecimal (OPC 10000-6, 6.2.8).
pub(super) fn thumbprint(der: &[u8]) -> String {
    X509::from_der(der)
        .map(|certificate| {
            certificate.thumbprint().value().iter().map(|byte| format!("{byte:02x}")).collect()
        })
        .unwrap_or_default()
}

/// The first certificate of a chain as servers send it: DER after DER (OPC 10000-6, 6.2.3).
pub(super) fn leaf(chain: &[u8]) -> Option<&[u8]> {
    let (rest, _) = X509Certificate::from_der(chain).ok()?;
    chain.get(..chain.len() - rest.len())
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der)
        .ok()
        .filter(|(rest, _)| rest.is_empty())
        .map(|(_, certificate)| certificate)
}

/// DER of a file that is DER or PEM.
pub(super) fn to_der(bytes: Vec<u8>) -> Option<Vec<u8>> {
    if parsed(&bytes).is_some() {
        return Some(bytes);
    }
    let (_, pem) = x509_parser::pem::parse_x509_pem(&bytes).ok()?;
    parsed(&pem.contents)?;
    Some(pem.contents)
}

fn uri_of(certificate: &X509Certificate<'_>) -> String {
    alternative(certificate)
        .find_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
        .unwrap_or_default()
}

fn alternative<'a>(certificate: &'a X509Certificate<'a>) -> impl Iterator<Item = &'a GeneralName<'a>> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.map(|names| names.value.general_names.as_slice()).unwrap_or_default().iter()
}

/// Whether the certificate names the host.
fn names(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok();
    alternative(certificate).any(|name| match (name, address) {
        (GeneralName::DNSName(dns), _) => dns.eq_ignore_ascii_case(host),
        (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V4(v4))) => *bytes == v4.octets(),
        (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V6(v6))) => *bytes == v6.octets(),
        _ => false,
    })
}

fn out_of_time(certificate: &X509Certificate<'_>, now: Time) -> Option<String> {
    let seconds = now.0.div_euclid(1_000_000_000);
    let validity = certificate.validity();
    if seconds < validity.not_before.timestamp() {
        return Some(format!(
            "is valid only from {} on (or this machine's clock is wrong)",
            validity.not_before
        ));
    }
    (seconds > validity.not_after.timestamp()).then(|| format!("expired on {}", validity.not_after))
}

/// Whether `issuer` is an authority that signed the certificate, and valid itself.
fn signed_by(certificate: &X509Certificate<'_>, issuer: &[u8], now: Time) -> bool {
    let Some(issuer) = parsed(issuer) else { return false };
    issuer.is_ca()
        && certificate.issuer() == issuer.subject()
        && out_of_time(&issuer, now).is_none()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// A file that can be a certificate or a key.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > LONGEST => {
            Err(Fault::Config(format!("{} is too long to be a certificate", path.display()).into()))
        }
        Ok(_) => fs::read(path).map_err(|e| broken(path, &e)),
        Err(error) => Err(broken(path, &error)),
    }
}

fn broken(path: &Path, error: &std::io::Error) -> Fault {
    let why = match error.kind() {
        ErrorKind::NotFound => "is missing".to_owned(),
        ErrorKind::PermissionDenied => "may not be read or written by Ironbridge's user".to_owned(),
        _ => format!("cannot be read or written: {error}"),
    };
    Fault::Config(format!("{} {why}", path.display()).into())
}
