//! A session: created, proved, taken up again on a new channel (OPC 10000-4, 5.7).

use super::certificates::Own;
use super::channel::{Channel, own_certificate, unexpected};
use super::endpoint::policy_of;
use model::Fault;
use opcua::core::ResponseMessage;
use opcua::crypto::{
    PrivateKey, SecurityPolicy, X509, create_signature_data, legacy_encrypt_secret, random,
    verify_signature_data,
};
use opcua::types::{
    ActivateSessionRequest, AnonymousIdentityToken, ApplicationDescription, ApplicationType, ByteString,
    CreateSessionRequest, EndpointDescription, Error, ExtensionObject, MessageSecurityMode, NodeId,
    SignatureData, UserNameIdentityToken, UserTokenType, X509IdentityToken,
};
use std::time::Duration;

/// Bytes of our random number (OPC 10000-4, 5.7.2: at least 32).
const NONCE: usize = 32;

/// Who we are to the server.
pub(super) enum Identity {
    /// Nobody in particular.
    Anonymous,
    /// A user name.
    User { name: String, password: String },
    /// A user certificate.
    Certificate { certificate: Box<X509>, key: Box<PrivateKey> },
}

impl Identity {
    pub(super) const fn token(&self) -> UserTokenType {
        match self {
            Self::Anonymous => UserTokenType::Anonymous,
            Self::User { .. } => UserTokenType::UserName,
            Self::Certificate { .. } => UserTokenType::Certificate,
        }
    }
}

/// What is needed to prove that a session is ours.
pub(super) struct Proof {
    pub(super) token: NodeId,
    /// The server's last random number for this session.
    nonce: ByteString,
    /// How long the server keeps the session without hearing of it.
    pub(super) timeout: Duration,
}

/// Whom we talk to and how.
pub(super) struct Whom<'a> {
    pub(super) endpoint: &'a EndpointDescription,
    pub(super) own: Option<&'a Own>,
    pub(super) identity: &'a Identity,
}

/// Creates a session. It is not active yet.
///
/// # Errors
/// As the server says; [`Fault::Security`] when it cannot prove that its certificate is its own.
pub(super) async fn create(
    channel: &Channel,
    whom: &Whom<'_>,
    name: &str,
    timeout: Duration,
    within: Duration,
) -> Result<Proof, Fault> {
    let nonce = random::byte_string(NONCE);
    let uri = whom.own.map_or("urn:ironbridge", |own| own.uri.as_str());
    let request = CreateSessionRequest {
        request_header: channel.header(),
        client_description: ApplicationDescription {
            application_uri: uri.into(),
            product_uri: "urn:ironbridge".into(),
            application_name: "Ironbridge".into(),
            application_type: ApplicationType::Client,
            ..ApplicationDescription::default()
        },
        endpoint_url: whom.endpoint.endpoint_url.clone(),
        session_name: format!("Ironbridge {name}").into(),
        client_nonce: nonce.clone(),
        client_certificate: own_certificate(whom.own),
        requested_session_timeout: timeout.as_secs_f64() * 1_000.0,
        ..CreateSessionRequest::default()
    };
    let answer = match channel.ask_within(request, "creating a session", within).await? {
        ResponseMessage::CreateSession(answer) => *answer,
        other => return Err(unexpected(&other)),
    };
    let policy = policy_of(whom.endpoint);
    if policy != SecurityPolicy::None {
        let shown = super::certificates::leaf(answer.server_certificate.as_ref()).unwrap_or_default();
        if shown != whom.endpoint.server_certificate.as_ref() {
            return Err(Fault::Security("the server shows another certificate than before".into()));
        }
        let theirs = X509::from_byte_string(&whom.endpoint.server_certificate).map_err(handshake)?;
        let ours = &whom.own.ok_or(Fault::Security("our own certificate is missing".into()))?.certificate;
        verify_signature_data(&answer.server_signature, policy, &theirs, ours, nonce.as_ref())
            .map_err(|_| Fault::Security("the server cannot prove that its certificate is its own".into()))?;
    }
    no_weaker(whom.endpoint, answer.server_endpoints.as_deref().unwrap_or_default())?;
    channel.set_token(answer.authentication_token.clone());
    Ok(Proof {
        token: answer.authentication_token,
        nonce: answer.server_nonce,
        timeout: Duration::try_from_secs_f64(answer.revised_session_timeout / 1_000.0).unwrap_or(timeout),
    })
}

/// The list of endpoints from before was not protected; the one that comes with the session is. If they differ in the
/// endpoint that we use, somebody changed the first (OPC 10000-4, 5.7.2).
fn no_weaker(used: &EndpointDescription, protected: &[EndpointDescription]) -> Result<(), Fault> {
    let same = |e: &EndpointDescription| {
        e.security_mode == used.security_mode && e.security_policy_uri == used.security_policy_uri
    };
    // Servers without encryption on this endpoint cannot protect the list; some send none at all.
    if used.security_mode == MessageSecurityMode::None || protected.is_empty() || protected.iter().any(same) {
        return Ok(());
    }
    Err(Fault::Security(
        "the server's list of endpoints was changed on the way; somebody may be in between".into(),
    ))
}

/// Activates a session on this channel: the first time, or again after a cut.
///
/// # Errors
/// As the server says.
pub(super) async fn activate(
    channel: &Channel,
    whom: &Whom<'_>,
    proof: &mut Proof,
    within: Duration,
) -> Result<(), Fault> {
    channel.set_token(proof.token.clone());
    let (token, token_signature) = token(whom, &proof.nonce)?;
    let policy = policy_of(whom.endpoint);
    let client_signature = match (policy, whom.own) {
        (SecurityPolicy::None, _) => SignatureData::null(),
        (_, None) => return Err(Fault::Security("our own certificate is missing".into())),
        (_, Some(own)) => {
            create_signature_data(&own.key, policy, &whom.endpoint.server_certificate, &proof.nonce)
                .map_err(handshake)?
        }
    };
    let request = ActivateSessionRequest {
        request_header: channel.header(),
        client_signature,
        user_identity_token: token,
        user_token_signature: token_signature,
        ..ActivateSessionRequest::default()
    };
    match channel.ask_within(request, "signing in", within).await? {
        ResponseMessage::ActivateSession(answer) => {
            proof.nonce = answer.server_nonce;
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

fn token(whom: &Whom<'_>, nonce: &ByteString) -> Result<(ExtensionObject, SignatureData), Fault> {
    let tokens = whom.endpoint.user_identity_tokens.as_deref().unwrap_or_default();
    let Some(policy) = tokens.first() else {
        return Err(Fault::Security("the server offers no way to sign in".into()));
    };
    let channel_policy = policy_of(whom.endpoint);
    match whom.identity {
        Identity::Anonymous => Ok((
            ExtensionObject::from_message(AnonymousIdentityToken { policy_id: policy.policy_id.clone() }),
            SignatureData::null(),
        )),
        Identity::User { name, password } => {
            let theirs = X509::from_byte_string(&whom.endpoint.server_certificate).ok();
            let mode = whom.endpoint.security_mode;
            let secret = legacy_encrypt_secret(
                channel_policy,
                mode,
                policy,
                nonce.as_ref(),
                &theirs,
                password.as_bytes(),
            )
            .map_err(handshake)?;
            let token = UserNameIdentityToken {
                policy_id: secret.policy,
                user_name: name.as_str().into(),
                password: secret.secret,
                encryption_algorithm: secret.encryption_algorithm,
            };
            Ok((ExtensionObject::from_message(token), SignatureData::null()))
        }
        Identity::Certificate { certificate, key } => {
            let own = match policy.security_policy_uri.as_ref() {
                "" => channel_policy,
                uri => SecurityPolicy::from_uri(uri),
            };
            let signature = create_signature_data(key, own, &whom.endpoint.server_certificate, nonce)
                .map_err(handshake)?;
            let token = X509IdentityToken {
                policy_id: policy.policy_id.clone(),
                certificate_data: certificate.as_byte_string(),
            };
            Ok((ExtensionObject::from_message(token), signature))
        }
    }
}

fn handshake(error: Error) -> Fault {
    Fault::Security(format!("the handshake failed: {error}").into())
}
