//! Who we are to an agent: a community, or a user with passwords, both from the secret store.

use super::config::{self, Version, Who};
use crate::kind::{Secrets, Security};
use crate::south::tags::Plan;
use async_snmp::notification::{NotificationEnvelope, NotificationReceiverBuilder};
use async_snmp::v3::UsmConfig;
use async_snmp::{
    AuthProtocol, Community, CryptoResult, PrivProtocol, SecurityLevel, UsmUser, Version as Wire,
};
use model::Fault;
use std::sync::Arc;

/// Names of secrets and what they are for; the secrets themselves are looked up anew for each session.
pub(super) struct Credentials {
    how: How,
    secrets: Arc<dyn Secrets>,
}

enum How {
    Community(String),
    User {
        name: String,
        context: String,
        auth: Option<(AuthProtocol, String)>,
        privacy: Option<(PrivProtocol, String)>,
    },
}

impl Credentials {
    /// Checks that version and keys belong together; mistakes go to the plan, to keys below `at`.
    pub(super) fn resolve(plan: &mut Plan<'_>, at: &[&str], file: &Who) -> Self {
        let secrets = plan.context().secrets.clone();
        let name =
            |secret: &Option<model::config::SecretRef>| secret.as_ref().map(|secret| secret.secret.clone());
        let how = match file.version {
            Version::TwoC => {
                if file.user.is_some() || file.auth_password.is_some() || file.privacy_password.is_some() {
                    plan.mistake(
                        &[at, &["version"]].concat(),
                        "user and passwords belong to version 3",
                        "write version = \"3\" (better, if the device can), or leave them out",
                    );
                }
                if file.community.is_none() {
                    let help = "write community = { secret = \"NAME\" } and run `ironbridge secret set NAME`";
                    plan.mistake(
                        &[at, &["version"]].concat(),
                        "`community` is missing: version 2c needs it",
                        help,
                    );
                }
                How::Community(name(&file.community).unwrap_or_default())
            }
            Version::Three => {
                Self::user(plan, at, file, name(&file.auth_password), name(&file.privacy_password))
            }
        };
        Self { how, secrets }
    }

    fn user(
        plan: &mut Plan<'_>,
        at: &[&str],
        file: &Who,
        auth: Option<String>,
        privacy: Option<String>,
    ) -> How {
        if file.community.is_some() {
            plan.mistake(
                &[at, &["community"]].concat(),
                "a community belongs to version 2c",
                "leave it out, or write version = \"2c\"",
            );
        }
        if file.user.is_none() {
            plan.mistake(
                &[at, &["version"]].concat(),
                "`user` is missing: version 3 needs it",
                "write user = \"...\"",
            );
        }
        if privacy.is_some() && auth.is_none() {
            plan.mistake(
                &[at, &["privacy_password"]].concat(),
                "encryption without authentication does not exist in SNMPv3",
                "write auth_password = { secret = \"NAME\" } as well",
            );
        }
        let auth_protocol = match file.auth {
            config::Auth::Md5 => AuthProtocol::Md5,
            config::Auth::Sha1 => AuthProtocol::Sha1,
            config::Auth::Sha224 => AuthProtocol::Sha224,
            config::Auth::Sha256 => AuthProtocol::Sha256,
            config::Auth::Sha384 => AuthProtocol::Sha384,
            config::Auth::Sha512 => AuthProtocol::Sha512,
        };
        let privacy_protocol = match file.privacy {
            config::Privacy::Aes128 => PrivProtocol::Aes128,
            config::Privacy::Aes192 => PrivProtocol::Aes192Blumenthal,
            config::Privacy::Aes256 => PrivProtocol::Aes256Blumenthal,
        };
        How::User {
            name: file.user.clone().unwrap_or_default(),
            context: file.context.clone().unwrap_or_default(),
            auth: auth.map(|secret| (auth_protocol, secret)),
            privacy: privacy.map(|secret| (privacy_protocol, secret)),
        }
    }

    /// Whether answers are signed: version 3 with authentication.
    pub(super) fn are_signed(&self) -> bool {
        matches!(&self.how, How::User { auth: Some(_), .. })
    }

    fn secret(&self, name: &str) -> Result<String, Fault> {
        crate::reach::secret(&*self.secrets, name)
    }

    /// As the library takes them.
    ///
    /// # Errors
    /// [`Fault::Security`] if a secret was never set or is too short.
    pub(super) fn auth(&self) -> Result<async_snmp::Auth, Fault> {
        let (name, context, auth, privacy) = match &self.how {
            How::Community(name) => return Ok(async_snmp::Auth::v2c(self.secret(name)?)),
            How::User { name, context, auth, privacy } => (name, context, auth, privacy),
        };
        let usm = UsmConfig::new(name.as_bytes().to_vec()).context_name(context.as_bytes().to_vec());
        let usm = match (auth, privacy) {
            (Some((auth, auth_secret)), Some((privacy, secret))) => {
                usm.auth_priv(*auth, self.secret(auth_secret)?, *privacy, self.secret(secret)?)
            }
            (Some((auth, secret)), None) => usm.auth(*auth, self.secret(secret)?),
            (None, _) => Ok(usm),
        };
        usm.map(async_snmp::Auth::Usm).map_err(|_| too_short())
    }
    /// The other way round: has a receiver take messages that show these. What [`Shown::fits`] then looks for.
    ///
    /// # Errors
    /// As [`Credentials::auth`].
    pub(super) fn admit(
        &self,
        receiver: NotificationReceiverBuilder,
    ) -> Result<(NotificationReceiverBuilder, Shown), Fault> {
        let (name, auth, privacy) = match &self.how {
            How::Community(name) => {
                let community = Community::from(self.secret(name)?.into_bytes());
                return Ok((receiver.community(community.clone()), Shown::Community(community)));
            }
            How::User { name, auth, privacy, .. } => (name, auth, privacy),
        };
        let (auth_secret, privacy_secret) = (secret_of(auth, self)?, secret_of(privacy, self)?);
        let user = |user: UsmUser| -> CryptoResult<UsmUser> {
            match (auth_secret, privacy_secret) {
                (Some((auth, word)), Some((privacy, key))) => user.auth_priv(auth, word, privacy, key),
                (Some((auth, word)), None) => user.auth(auth, word),
                (None, _) => Ok(user),
            }
        };
        let level = match (auth, privacy) {
            (Some(_), Some(_)) => SecurityLevel::AuthPriv,
            (Some(_), None) => SecurityLevel::AuthNoPriv,
            _ => SecurityLevel::NoAuthNoPriv,
        };
        let receiver = receiver.usm_user(name.as_bytes().to_vec(), user).map_err(|_| too_short())?;
        Ok((receiver, Shown::User(name.clone().into_bytes(), level)))
    }
}

/// What a message must show.
pub(super) enum Shown {
    /// Version 2c.
    Community(Community),
    /// Version 3: the user, and at least this level.
    User(Vec<u8>, SecurityLevel),
}

impl Shown {
    /// Whether it does.
    pub(super) fn fits(&self, message: &NotificationEnvelope<'_>) -> bool {
        match self {
            Self::Community(community) => {
                message.version == Wire::V2c
                    && message.community.is_some_and(|shown| community.matches(shown.as_bytes()))
            }
            Self::User(name, level) => {
                message.username == Some(name.as_slice())
                    && message.security_level.is_some_and(|shown| shown >= *level)
            }
        }
    }
}

fn secret_of<P: Copy>(held: &Option<(P, String)>, from: &Credentials) -> Result<Option<(P, String)>, Fault> {
    held.as_ref().map(|(protocol, name)| from.secret(name).map(|word| (*protocol, word))).transpose()
}

fn too_short() -> Fault {
    Fault::Security("a password of SNMPv3 needs at least 8 characters (RFC 3414): set a longer secret".into())
}

/// How well what is said is protected, in words.
pub(super) fn security(file: &Who) -> Security {
    match (file.version, file.auth_password.is_some(), file.privacy_password.is_some()) {
        (Version::Three, true, true) => Security {
            level: "encrypted",
            text: "SNMPv3 with authentication and encryption (authPriv)".into(),
        },
        (Version::Three, true, false) => Security::none(
            "SNMPv3 with authentication but in the clear (authNoPriv): anybody on this network can read it",
        ),
        (Version::Three, false, _) => Security::none(
            "SNMPv3 without password (noAuthNoPriv): anybody on this network can read it and use the user's name",
        ),
        (Version::TwoC, ..) => Security::none(
            "SNMPv2c: community and values are in the clear; anybody on this network can read them and use the community",
        ),
    }
}
