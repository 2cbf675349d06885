use super::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is signed in, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The user.
    pub user: SessionUser,
    /// Goes into the header `x-csrf-token` of every request that changes something. Empty for API tokens.
    pub csrf: String,
    /// Whether the password can be set without the old one: for a while after a link that was made for it.
    pub may_set_password: bool,
    /// Whether anything may be written.
    pub mode: Mode,
    /// Which plant this is.
    pub site: Site,
    /// Version of Ironbridge.
    pub version: String,
    /// The gateway's clock, ms.
    pub server_time: Millis,
}

/// The user of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionUser {
    /// Sign-in name.
    pub name: String,
    /// `viewer`, `operator`, `engineer` or `administrator`.
    #[schema(value_type = String)]
    pub role: model::Role,
}

/// The badge on every page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mode {
    /// `off` or `on`.
    pub writes: String,
    /// The plant is a simulation.
    pub simulated: bool,
    /// `READ-ONLY`, `LIVE` or `SIMULATED`.
    pub label: String,
}

impl Mode {
    /// The mode with its label.
    pub fn new(writes_on: bool, simulated: bool) -> Self {
        let label = match (simulated, writes_on) {
            (true, _) => "SIMULATED",
            (false, true) => "LIVE",
            (false, false) => "READ-ONLY",
        };
        Self { writes: if writes_on { "on" } else { "off" }.into(), simulated, label: label.into() }
    }
}

/// Which plant this is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Site {
    /// First segment of every path.
    pub enterprise: String,
    /// Second segment of every path.
    pub site: String,
}

/// Signing in.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Sign-in name.
    pub name: String,
    /// Password.
    #[schema(format = Password)]
    pub password: String,
}

/// Signing in with a one-time link.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInWithLink {
    /// What stands behind the `#` of the link.
    pub token: String,
}

/// Creating the first administrator.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// What stands behind the `#` of the link that the first start printed.
    pub token: String,
    /// Sign-in name.
    pub name: String,
    /// Password.
    #[schema(format = Password)]
    pub password: String,
}

/// Changing the own password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    #[schema(format = Password)]
    pub current: String,
    /// The new one.
    #[schema(format = Password)]
    pub new: String,
}
