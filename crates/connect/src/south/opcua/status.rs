//! What the server's status codes mean for us.

use model::{Fault, Status};
use opcua::types::StatusCode;
use std::borrow::Cow;

/// As a point carries it: all 32 bits, the flags too.
pub(super) const fn quality(code: u32) -> Status {
    Status(code)
}

/// Name and meaning, e.g. `BadNodeIdUnknown: The node id refers to a node that does not exist ...`.
pub(super) fn words(code: StatusCode) -> String {
    let sub = code.sub_code();
    match (sub.name(), sub.description()) {
        (name, "") => name.to_owned(),
        (name, description) => format!("{name}: {description}"),
    }
}

/// What a failed service call is to the session.
pub(super) fn fault(code: StatusCode, what: &str) -> Fault {
    let bare = StatusCode::from(code.bits() & 0xFFFF_0000);
    let text =
        |words: &str| -> Cow<'static, str> { format!("{what}: {words} ({})", code.sub_code().name()).into() };
    if let Some(words) = security(bare) {
        return Fault::Security(text(words));
    }
    match bare {
        StatusCode::BadTimeout | StatusCode::BadRequestTimeout => Fault::Timeout { timeout_ms: 0 },
        StatusCode::BadConnectionClosed
        | StatusCode::BadCommunicationError
        | StatusCode::BadNotConnected
        | StatusCode::BadConnectionRejected
        | StatusCode::BadServerNotConnected
        | StatusCode::BadServerHalted
        | StatusCode::BadShutdown
        | StatusCode::BadSecureChannelClosed
        | StatusCode::BadSecureChannelIdInvalid
        | StatusCode::BadSessionClosed
        | StatusCode::BadSessionIdInvalid
        | StatusCode::BadSessionNotActivated => Fault::Lost(text("the connection or session is gone")),
        StatusCode::BadTooManySessions => {
            Fault::Connect(text("the server has no session left; close other clients, or raise its limit"))
        }
        StatusCode::BadDecodingError | StatusCode::BadEncodingError | StatusCode::BadUnknownResponse => {
            Fault::Protocol(text("the answer could not be understood"))
        }
        _ => Fault::Exception { code: code.bits(), text: format!("{what}: {}", words(code)).into() },
    }
}

fn security(code: StatusCode) -> Option<&'static str> {
    Some(match code {
        StatusCode::BadIdentityTokenRejected
        | StatusCode::BadIdentityTokenInvalid
        | StatusCode::BadUserAccessDenied
        | StatusCode::BadUserSignatureInvalid => {
            "the server does not accept the user name, password or user certificate"
        }
        StatusCode::BadSecurityChecksFailed
        | StatusCode::BadCertificateUntrusted
        | StatusCode::BadCertificateInvalid
        | StatusCode::BadCertificateChainIncomplete
        | StatusCode::BadCertificateUriInvalid
        | StatusCode::BadCertificateUseNotAllowed
        | StatusCode::BadCertificateTimeInvalid
        | StatusCode::BadCertificateRevoked
        | StatusCode::BadCertificateHostNameInvalid
        | StatusCode::BadCertificateIssuerRevoked => {
            "the server does not accept our certificate; tell it to trust own/cert.der in the data folder's opc-ua"
        }
        StatusCode::BadSecurityPolicyRejected | StatusCode::BadSecurityModeRejected => {
            "the server does not accept this security policy or mode"
        }
        StatusCode::BadApplicationSignatureInvalid => "a signature of the handshake does not fit",
        StatusCode::BadNonceInvalid => "a random number of the handshake does not fit",
        _ => return None,
    })
}
