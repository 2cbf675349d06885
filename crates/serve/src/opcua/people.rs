//! Who connects: users and tokens of this gateway, as everywhere, and users by a certificate of their own that the
//! configuration names. Nobody is anonymous.

use access::Access;
use model::Principal;
use namespace::{Entry, Ledger};
use opcua::crypto::{SecurityPolicy, Thumbprint};
use opcua::server::ServerEndpoint;
use opcua::server::authenticator::{AuthManager, Password, UserToken, user_pass_security_policy_id};
use opcua::types::{Error, StatusCode, UAString, UserTokenPolicy, UserTokenType};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most people that are remembered; users and tokens are fewer.
const MOST: usize = 10_000;
/// What the library calls the way to sign in by certificate.
const BY_CERTIFICATE: &str = "x509";

/// Everybody who signed in since the start.
pub(super) struct People {
    access: Access,
    /// Users by the thumbprints (SHA-1, hexadecimal, in lower case) of their certificates.
    certificates: BTreeMap<String, String>,
    known: RwLock<BTreeMap<String, Principal>>,
    pub(super) refused: AtomicU64,
}

impl People {
    pub(super) fn new(access: Access, certificates: BTreeMap<String, String>) -> Self {
        Self { access, certificates, known: RwLock::default(), refused: AtomicU64::new(0) }
    }

    fn remember(&self, principal: Principal) -> UserToken {
        let name = principal.name.clone();
        let mut known = self.known.write();
        if known.len() < MOST || known.contains_key(&name) {
            known.insert(name.clone(), principal);
        }
        UserToken(name)
    }

    /// Who stands behind a session now: a user who was disabled or removed is nobody at once.
    pub(super) fn who(&self, token: &UserToken) -> Option<Principal> {
        let known = self.known.read().get(&token.0).cloned()?;
        match known.name.split_once(':') {
            Some(("user", name)) => {
                let user = self.access.user(name).filter(|user| !user.disabled)?;
                Some(Principal { role: known.role.min(user.role), ..known })
            }
            Some(("token", name)) => {
                self.access.tokens().iter().any(|token| token.name == name).then_some(known)
            }
            _ => None,
        }
    }
}

#[async_trait::async_trait]
impl AuthManager for People {
    async fn authenticate_username_identity_token(
        &self,
        _: &ServerEndpoint,
        username: &str,
        password: &Password,
    ) -> Result<UserToken, Error> {
        // One user's failures hold up that user alone: the caller's address is not known here.
        let source = format!("opc-ua {username}");
        match crate::people::by_password(&self.access, username, password.get(), &source).await {
            Ok(principal) => Ok(self.remember(principal)),
            Err(why) => {
                self.refused.fetch_add(1, Relaxed);
                Err(Error::new(StatusCode::BadUserAccessDenied, why))
            }
        }
    }

    /// The library has seen that the client holds the certificate's key; which certificate is whose, a person wrote down.
    async fn authenticate_x509_identity_token(
        &self,
        _: &ServerEndpoint,
        certificate: &Thumbprint,
    ) -> Result<UserToken, Error> {
        let thumbprint = certificate.as_hex_string();
        let user = self.certificates.get(&thumbprint).and_then(|name| self.access.user(name));
        let user = user.filter(|user| !user.disabled);
        let entry = Entry {
            actor: user.as_ref().map_or_else(|| "unknown".into(), |user| format!("user:{}", user.name)),
            action: "sign in over OPC UA".into(),
            object: format!("certificate {thumbprint}"),
            outcome: if user.is_some() { "signed in" } else { "refused" }.into(),
            detail: String::new(),
        };
        let access = self.access.clone();
        let written = tokio::task::spawn_blocking(move || access.record(entry)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!(?written, "a sign-in over OPC UA is not in the audit ledger");
        }
        match user {
            Some(user) => Ok(self.remember(Principal {
                name: format!("user:{}", user.name),
                role: user.role,
                prefix: None,
            })),
            None => {
                self.refused.fetch_add(1, Relaxed);
                Err(Error::new(StatusCode::BadUserAccessDenied, "this certificate is no user's"))
            }
        }
    }

    fn user_token_policies(&self, endpoint: &ServerEndpoint) -> Vec<UserTokenPolicy> {
        let by_channel = endpoint.password_security_policy.as_deref().unwrap_or_default();
        let policy = |policy_id: UAString, token_type, security_policy_uri| UserTokenPolicy {
            policy_id,
            token_type,
            issued_token_type: UAString::null(),
            issuer_endpoint_url: UAString::null(),
            security_policy_uri,
        };
        let own = UAString::from(SecurityPolicy::Basic256Sha256.to_uri());
        let password = if by_channel.is_empty() { UAString::null() } else { own.clone() };
        let mut ways =
            vec![policy(user_pass_security_policy_id(endpoint), UserTokenType::UserName, password)];
        if !self.certificates.is_empty() {
            let channel = endpoint.security_policy();
            let uri = if channel == SecurityPolicy::None { own } else { UAString::from(channel.to_uri()) };
            ways.push(policy(BY_CERTIFICATE.into(), UserTokenType::Certificate, uri));
        }
        ways
    }
}
