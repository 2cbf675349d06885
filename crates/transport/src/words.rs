//! What the operating system and TLS report, in words a plant engineer can act on.

use model::Fault;
use rustls::{AlertDescription, CertificateError, Error as Tls};
use std::borrow::Cow;
use std::io::{Error, ErrorKind};

/// The fault behind an error that a stream returned while it was in use.
///
/// With TLS 1.3 a server refuses a missing client certificate only after the handshake: it then shows up here, on
/// the first read, and not in [`crate::dial`].
pub fn fault_from_io(error: &Error) -> Fault {
    if let Some(tls) = tls_cause(error) {
        return fault_from_tls(tls);
    }
    let text: Cow<'static, str> = match error.kind() {
        ErrorKind::UnexpectedEof => "the other side closed the connection".into(),
        ErrorKind::ConnectionReset => "the other side broke the connection off".into(),
        ErrorKind::BrokenPipe | ErrorKind::WriteZero => "the other side no longer listens".into(),
        ErrorKind::ConnectionAborted => "the connection was broken off by this machine".into(),
        ErrorKind::TimedOut => "the other side no longer answers (cable, switch or power?)".into(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "there is no way to it any more (cable, switch or route?)".into()
        }
        _ => error.to_string().into(),
    };
    Fault::Lost(text)
}

/// The TLS error inside an IO error, if that is what it is.
pub(crate) fn tls_cause(error: &Error) -> Option<&Tls> {
    error.get_ref()?.downcast_ref::<Tls>()
}

/// The fault behind a TLS error.
pub(crate) fn fault_from_tls(error: &Tls) -> Fault {
    match error {
        Tls::InvalidCertificate(cause) => Fault::Security(certificate(cause)),
        Tls::NoCertificatesPresented => Fault::Security("the other side showed no certificate".into()),
        Tls::AlertReceived(alert) => Fault::Security(alert_received(*alert)),
        Tls::PeerIncompatible(why) => {
            Fault::Security(format!("no common ground for TLS (1.2 or newer is needed): {why:?}").into())
        }
        Tls::InvalidMessage(_) => Fault::Security("the other side does not speak TLS on this port".into()),
        Tls::PeerMisbehaved(why) => {
            Fault::Protocol(format!("the other side breaks the TLS rules: {why:?}").into())
        }
        Tls::DecryptError => Fault::Protocol("TLS data was damaged on the way".into()),
        other => Fault::Security(format!("TLS: {other}").into()),
    }
}

fn certificate(cause: &CertificateError) -> Cow<'static, str> {
    match cause {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate of the other side has expired; renew it there (or set this machine's clock)".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate of the other side is not valid yet; compare the clocks of both machines".into()
        }
        CertificateError::UnknownIssuer => {
            "the certificate of the other side is from an unknown authority; give that authority's certificate as `ca`"
                .into()
        }
        CertificateError::NotValidForName => {
            "the certificate of the other side is for another name; connect by the name it carries or set `server_name`"
                .into()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let has = if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") };
            format!(
                "the certificate of the other side is not for `{}` but for {has}; connect by that name or set `server_name`",
                expected.to_str()
            )
            .into()
        }
        CertificateError::Revoked => "the certificate of the other side was revoked".into(),
        CertificateError::BadSignature => "the certificate of the other side has a wrong signature".into(),
        CertificateError::BadEncoding => "the certificate of the other side cannot be read".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate of the other side is not meant for this purpose (server or client use)".into()
        }
        other => format!("the certificate of the other side is refused: {other}").into(),
    }
}

fn alert_received(alert: AlertDescription) -> Cow<'static, str> {
    match alert {
        AlertDescription::CertificateRequired => {
            "the other side wants a client certificate; give `certificate` and `key`".into()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => "the other side does not accept our certificate".into(),
        AlertDescription::CertificateExpired => "our client certificate has expired; renew it".into(),
        AlertDescription::CertificateRevoked => "our client certificate was revoked".into(),
        AlertDescription::UnknownCA => {
            "the other side does not know the authority of our certificate; give it that authority's certificate".into()
        }
        AlertDescription::AccessDenied => "the other side knows us and denies access".into(),
        AlertDescription::UnrecognisedName => "the other side does not serve that name; set `server_name`".into(),
        AlertDescription::ProtocolVersion => "the other side speaks only TLS versions that are no longer safe".into(),
        AlertDescription::HandshakeFailure => {
            "the other side refused the TLS handshake (no common cipher, or it wants a client certificate)".into()
        }
        other => format!("the other side ended TLS: {other:?}").into(),
    }
}

/// What kept a TCP connection from being opened, without the address.
pub(crate) fn connect_words(error: &Error) -> Cow<'static, str> {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused the connection: nothing listens on that port".into(),
        ErrorKind::HostUnreachable => "cannot be reached: no such host on its network, or it is off".into(),
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "cannot be reached: this machine has no route to its network".into()
        }
        ErrorKind::TimedOut => "gave no answer".into(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            "broke the connection off at once".into()
        }
        ErrorKind::PermissionDenied => "is blocked by a firewall rule of this machine".into(),
        ErrorKind::AddrNotAvailable => "cannot be reached: no address of this machine can reach it".into(),
        _ if error.raw_os_error() == Some(24) => {
            "cannot be opened: this program has too many files open".into()
        }
        _ => format!("cannot be connected: {error}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::fault::Consequence;

    #[test]
    fn every_loss_reconnects() {
        for kind in
            [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::TimedOut]
        {
            let fault = fault_from_io(&Error::from(kind));
            assert!(matches!(fault, Fault::Lost(_)), "{fault:?}");
            assert_eq!(fault.consequence(), Consequence::Reconnect);
        }
    }

    #[test]
    fn certificate_troubles_wait_for_a_person() {
        for (cause, word) in [
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "clocks"),
            (CertificateError::UnknownIssuer, "unknown authority"),
            (CertificateError::NotValidForName, "another name"),
            (CertificateError::Revoked, "revoked"),
        ] {
            let io = Error::new(ErrorKind::InvalidData, Tls::InvalidCertificate(cause));
            let fault = fault_from_io(&io);
            assert_eq!(fault.consequence(), Consequence::ReconnectSlowly);
            assert!(fault.to_string().contains(word), "{fault}");
        }
    }
}
