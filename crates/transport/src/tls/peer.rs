//! What a certificate says about its owner.

use model::Time;
use std::net::IpAddr;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The role extension of Modbus/TCP Security (MB-TCP-Security-v21, 6.5): a UTF8String.
pub const MODBUS_ROLE_OID: &str = "1.3.6.1.4.1.50316.802.1";
/// Longest role that is taken, in bytes.
const MAX_ROLE: usize = 256;
/// ASN.1 tag of a UTF8String.
const UTF8_STRING: u8 = 0x0c;

/// What is shown of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Common name, else the whole subject.
    pub subject: String,
    /// Common name of the issuer, else the whole issuer.
    pub issuer: String,
    /// Valid from.
    pub not_before: Time,
    /// Valid until.
    pub not_after: Time,
    /// Names and addresses it is for.
    pub names: Vec<String>,
}

/// The role in a certificate (DER), if it carries exactly one readable role extension.
pub fn modbus_role(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut found = certificate.extensions().iter().filter(|ext| ext.oid.to_id_string() == MODBUS_ROLE_OID);
    let extension = found.next()?;
    // Two role extensions would leave open which one counts: then none does.
    if found.next().is_some() {
        return None;
    }
    utf8_string(extension.value)
}

/// A DER UTF8String that fills `der` exactly. Only definite, minimal lengths below 256 are taken.
fn utf8_string(der: &[u8]) -> Option<String> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let body = match length {
        0..=0x7f if rest.len() == usize::from(length) => rest,
        0x81 => {
            let (&long, body) = rest.split_first()?;
            (long >= 0x80 && body.len() == usize::from(long)).then_some(body)?
        }
        _ => return None,
    };
    (tag == UTF8_STRING && body.len() <= MAX_ROLE).then_some(())?;
    String::from_utf8(body.to_vec()).ok()
}

/// Common name of a certificate (DER), else its whole subject.
pub fn subject(der: &[u8]) -> Option<String> {
    summary(der).map(|summary| summary.subject)
}

/// What is shown of a certificate (DER); `None` when it cannot be read.
pub fn summary(der: &[u8]) -> Option<CertificateSummary> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = |of: &x509_parser::x509::X509Name<'_>| {
        let common = of.iter_common_name().next().and_then(|cn| cn.as_str().ok()).map(str::to_owned);
        common.unwrap_or_else(|| of.to_string())
    };
    let names =
        certificate.subject_alternative_name().ok().flatten().map(|ext| ext.value.general_names.as_slice());
    Some(CertificateSummary {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        not_before: Time::from_millis(certificate.validity().not_before.timestamp().saturating_mul(1_000)),
        not_after: Time::from_millis(certificate.validity().not_after.timestamp().saturating_mul(1_000)),
        names: names.unwrap_or_default().iter().filter_map(shown).collect(),
    })
}

fn shown(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn utf8_strings() {
        let long = [&[UTF8_STRING, 0x81, 200][..], &[b'x'; 200]].concat();
        for (der, expected) in [
            (&[UTF8_STRING, 2, b'o', b'k'][..], Some("ok".to_owned())),
            (&[UTF8_STRING, 0], Some(String::new())),
            (&long, Some("x".repeat(200))),
            (&[], None),
            (&[UTF8_STRING], None),
            (&[UTF8_STRING, 3, b'o', b'k'], None),
            (&[UTF8_STRING, 1, b'o', b'k'], None),
            (&[0x13, 2, b'o', b'k'], None),
            (&[UTF8_STRING, 1, 0xff], None),
            (&[UTF8_STRING, 0x81, 2, b'o', b'k'], None),
            (&[UTF8_STRING, 0x80, b'o', b'k'], None),
        ] {
            assert_eq!(utf8_string(der), expected, "{der:02x?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_certificates_are_survived(der in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(modbus_role(&der), None);
            prop_assert_eq!(summary(&der), None);
            let _ = utf8_string(&der);
        }
    }
}
