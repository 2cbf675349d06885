//! Who connects: users and tokens of this gateway, as everywhere. Nobody is anonymous.

use access::Access;
use model::Principal;
use opcua::server::ServerEndpoint;
use opcua::server::authenticator::{AuthManager, Password, UserToken, user_pass_security_policy_id};
use opcua::types::{Error, StatusCode, UAString, UserTokenPolicy, UserTokenType};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most people that are remembered; users and tokens are fewer.
const MOST: usize = 10_000;

/// Everybody who signed in since the start.
pub(super) struct People {
    access: Access,
    known: RwLock<BTreeMap<String, Principal>>,
    pub(super) refused: AtomicU64,
}

impl People {
    pub(super) fn new(access: Access) -> Self {
        Self { access, known: RwLock::default(), refused: AtomicU64::new(0) }
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
            Ok(principal) => {
                let name = principal.name.clone();
                let mut known = self.known.write();
                if known.len() < MOST || known.contains_key(&name) {
                    known.insert(name.clone(), principal);
                }
                Ok(UserToken(name))
            }
            Err(why) => {
                self.refused.fetch_add(1, Relaxed);
                Err(Error::new(StatusCode::BadUserAccessDenied, why))
            }
        }
    }

    fn user_token_policies(&self, endpoint: &ServerEndpoint) -> Vec<UserTokenPolicy> {
        let by_channel = endpoint.password_security_policy.as_deref().unwrap_or_default();
        vec![UserTokenPolicy {
            policy_id: user_pass_security_policy_id(endpoint),
            token_type: UserTokenType::UserName,
            issued_token_type: UAString::null(),
            issuer_endpoint_url: UAString::null(),
            security_policy_uri: match by_channel {
                "" => UAString::null(),
                _ => UAString::from(opcua::crypto::SecurityPolicy::Basic256Sha256.to_uri()),
            },
        }]
    }
}
