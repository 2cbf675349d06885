//! Which of a server's endpoints is used. Pure; never a weaker one than was asked for.

use super::config::{Policy, Protection};
use model::Fault;
use opcua::crypto::SecurityPolicy;
use opcua::types::{EndpointDescription, MessageSecurityMode, UserTokenPolicy, UserTokenType};

/// Policies that hold today (OPC 10000-7, 6.6), strongest first. `Basic256` and `Basic128Rsa15` are withdrawn.
const STRONG: [SecurityPolicy; 3] =
    [SecurityPolicy::Aes256Sha256RsaPss, SecurityPolicy::Basic256Sha256, SecurityPolicy::Aes128Sha256RsaOaep];
/// The transport that is spoken here (OPC 10000-7: UA-TCP UA-SC UA-Binary).
const BINARY: &str = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary";

/// What the configuration asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) policy: Policy,
    pub(super) protection: Protection,
    pub(super) token: UserTokenType,
}

/// Host, port and path of `opc.tcp://host:port/path`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parts(url: &str) -> Result<(String, u16, String), String> {
    let rest = url.strip_prefix("opc.tcp://").ok_or("it does not begin with opc.tcp://")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse().ok().filter(|port| *port > 0).ok_or(format!("`{port}` is no port"))?;
            (host, port)
        }
        _ => (authority, 4_840),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err("it has no host".into());
    }
    Ok((host.trim_matches(['[', ']']).to_owned(), port, path.to_owned()))
}

/// The endpoint to use, with our own way to its host, the first certificate of its chain, and the one way to show who
/// we are that fits.
///
/// # Errors
/// [`Fault::Security`] that says what the server offers and what to do.
pub(super) fn choose(
    offered: &[EndpointDescription],
    wanted: &Wanted,
    url: &str,
) -> Result<EndpointDescription, Fault> {
    let mode = match (wanted.policy, wanted.protection) {
        (Policy::None, _) => MessageSecurityMode::None,
        (_, Protection::Sign) => MessageSecurityMode::Sign,
        (_, Protection::Encrypt) => MessageSecurityMode::SignAndEncrypt,
    };
    let policies: &[SecurityPolicy] = match wanted.policy {
        Policy::Best => &STRONG,
        Policy::Aes256Sha256RsaPss => &[SecurityPolicy::Aes256Sha256RsaPss],
        Policy::Basic256Sha256 => &[SecurityPolicy::Basic256Sha256],
        Policy::Aes128Sha256RsaOaep => &[SecurityPolicy::Aes128Sha256RsaOaep],
        Policy::None => &[SecurityPolicy::None],
    };
    let binary = |e: &&EndpointDescription| {
        matches!(e.transport_profile_uri.as_ref(), "" | BINARY)
            && e.endpoint_url.as_ref().starts_with("opc.tcp")
    };
    let fits = |policy: SecurityPolicy| {
        offered.iter().filter(binary).find(move |e| e.security_mode == mode && policy_of(e) == policy)
    };
    let Some(found) = policies.iter().find_map(|policy| fits(*policy)) else {
        return Err(Fault::Security(nothing_fits(offered, wanted).into()));
    };
    let mut chosen = found.clone();
    chosen.user_identity_tokens = Some(vec![token(found, wanted.token)?.clone()]);
    if let Some(leaf) = super::certificates::leaf(found.server_certificate.as_ref()) {
        chosen.server_certificate = leaf.to_vec().into();
    }
    chosen.endpoint_url = our_way(found.endpoint_url.as_ref(), url).into();
    Ok(chosen)
}

/// Servers name themselves as they know themselves; we keep the host and port by which we reach them.
fn our_way(advertised: &str, url: &str) -> String {
    match (parts(url), parts(advertised)) {
        (Ok((host, port, own)), Ok((_, _, path))) => {
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let path = if path.is_empty() { own } else { path };
            format!("opc.tcp://{host}:{port}{path}")
        }
        _ => url.to_owned(),
    }
}

pub(super) fn policy_of(endpoint: &EndpointDescription) -> SecurityPolicy {
    match endpoint.security_policy_uri.as_ref() {
        "" => SecurityPolicy::None,
        uri => SecurityPolicy::from_uri(uri),
    }
}

/// As policies are written, e.g. `Aes128_Sha256_RsaOaep`.
pub(super) fn name_of(policy: SecurityPolicy) -> &'static str {
    match policy {
        SecurityPolicy::Aes128Sha256RsaOaep => Policy::Aes128Sha256RsaOaep.name(),
        SecurityPolicy::Aes256Sha256RsaPss => Policy::Aes256Sha256RsaPss.name(),
        other => other.to_str(),
    }
}

/// The way to show who we are; a password only where it is encrypted.
fn token(endpoint: &EndpointDescription, kind: UserTokenType) -> Result<&UserTokenPolicy, Fault> {
    let offered = endpoint.user_identity_tokens.as_deref().unwrap_or_default();
    let encrypted = endpoint.security_mode == MessageSecurityMode::SignAndEncrypt;
    let channel = policy_of(endpoint);
    let safe = |token: &&UserTokenPolicy| {
        let own = match token.security_policy_uri.as_ref() {
            "" => channel,
            uri => SecurityPolicy::from_uri(uri),
        };
        let strong = STRONG.contains(&own);
        match kind {
            UserTokenType::UserName => {
                (strong && !endpoint.server_certificate.is_null_or_empty())
                    || (own == SecurityPolicy::None && encrypted)
            }
            UserTokenType::Certificate => strong,
            _ => true,
        }
    };
    let mut of_kind = offered.iter().filter(|token| token.token_type == kind).peekable();
    let any = of_kind.peek().is_some();
    if let Some(token) = of_kind.find(safe) {
        return Ok(token);
    }
    let named: Vec<&str> = offered
        .iter()
        .map(|token| match token.token_type {
            UserTokenType::Anonymous => "anonymous",
            UserTokenType::UserName => "user name",
            UserTokenType::Certificate => "user certificate",
            UserTokenType::IssuedToken => "issued token",
        })
        .collect();
    let text = match kind {
        UserTokenType::UserName if any => {
            "the server would take the password only in the clear, so it is not sent; ask for encryption with \
             security = \"best\", or switch on an encrypted endpoint on the server"
                .to_owned()
        }
        UserTokenType::Anonymous => {
            format!("the server wants to know who we are ({}); set `user` and `password`", named.join(", "))
        }
        _ => format!("the server does not take this way to sign in here, but: {}", named.join(", ")),
    };
    Err(Fault::Security(text.into()))
}

fn nothing_fits(offered: &[EndpointDescription], wanted: &Wanted) -> String {
    let mut list: Vec<String> = offered
        .iter()
        .map(|e| match (policy_of(e), e.security_mode) {
            (SecurityPolicy::None, _) => "none".to_owned(),
            (policy, MessageSecurityMode::Sign) => format!("{} signed only", name_of(policy)),
            (policy, _) => name_of(policy).to_owned(),
        })
        .collect();
    list.sort();
    list.dedup();
    let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    let asked = match (wanted.policy, wanted.protection) {
        (Policy::None, _) => {
            return format!("the server has no endpoint without encryption; it offers: {list}");
        }
        (Policy::Best, Protection::Encrypt) => "an encrypted endpoint".to_owned(),
        (Policy::Best, Protection::Sign) => "a signed endpoint".to_owned(),
        (policy, Protection::Encrypt) => format!("{} with encryption", policy.name()),
        (policy, Protection::Sign) => format!("{}, signed only", policy.name()),
    };
    format!(
        "the server does not offer {asked}; it offers: {list}. Switch it on there, or change `security`; without \
         encryption only when you write security = \"none\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageSecurityMode::{None as Plain, Sign, SignAndEncrypt};

    fn offer(
        policy: SecurityPolicy,
        mode: MessageSecurityMode,
        tokens: &[(UserTokenType, &str)],
    ) -> EndpointDescription {
        EndpointDescription {
            endpoint_url: "opc.tcp://plc-inside:4840/UA".into(),
            security_mode: mode,
            security_policy_uri: policy.to_uri().into(),
            transport_profile_uri: BINARY.into(),
            server_certificate: vec![1, 2, 3].into(),
            user_identity_tokens: Some(
                tokens
                    .iter()
                    .map(|(kind, uri)| UserTokenPolicy {
                        policy_id: "p".into(),
                        token_type: *kind,
                        security_policy_uri: (*uri).into(),
                        ..UserTokenPolicy::default()
                    })
                    .collect(),
            ),
            ..EndpointDescription::default()
        }
    }

    fn wanted(policy: Policy, protection: Protection, token: UserTokenType) -> Wanted {
        Wanted { policy, protection, token }
    }

    const URL: &str = "opc.tcp://10.20.1.50:14840";
    const ANYBODY: &[(UserTokenType, &str)] = &[(UserTokenType::Anonymous, "")];

    #[test]
    fn the_strongest_that_was_asked_for_and_never_a_weaker_one() {
        let all = [
            offer(SecurityPolicy::None, Plain, ANYBODY),
            offer(SecurityPolicy::Aes128Sha256RsaOaep, SignAndEncrypt, ANYBODY),
            offer(SecurityPolicy::Basic256Sha256, Sign, ANYBODY),
            offer(SecurityPolicy::Basic256Sha256, SignAndEncrypt, ANYBODY),
            offer(SecurityPolicy::Basic256, SignAndEncrypt, ANYBODY),
        ];
        let of =
            |policy, protection| choose(&all, &wanted(policy, protection, UserTokenType::Anonymous), URL);
        for (policy, protection, expected) in [
            (Policy::Best, Protection::Encrypt, Some((SecurityPolicy::Basic256Sha256, SignAndEncrypt))),
            (Policy::Best, Protection::Sign, Some((SecurityPolicy::Basic256Sha256, Sign))),
            (
                Policy::Aes128Sha256RsaOaep,
                Protection::Encrypt,
                Some((SecurityPolicy::Aes128Sha256RsaOaep, SignAndEncrypt)),
            ),
            (Policy::Aes128Sha256RsaOaep, Protection::Sign, None),
            (Policy::Aes256Sha256RsaPss, Protection::Encrypt, None),
            (Policy::None, Protection::Encrypt, Some((SecurityPolicy::None, Plain))),
        ] {
            let found = of(policy, protection);
            let shown = found.as_ref().ok().map(|e| (policy_of(e), e.security_mode));
            assert_eq!(shown, expected, "{policy:?} {protection:?}");
            if let Ok(found) = found {
                assert_eq!(found.endpoint_url.as_ref(), "opc.tcp://10.20.1.50:14840/UA");
            }
        }
        let weak = [
            offer(SecurityPolicy::None, Plain, ANYBODY),
            offer(SecurityPolicy::Basic256, SignAndEncrypt, ANYBODY),
        ];
        let refused =
            choose(&weak, &wanted(Policy::Best, Protection::Encrypt, UserTokenType::Anonymous), URL);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("it offers: Basic256, none") && text.contains("security = \"none\""), "{text}");
    }

    #[test]
    fn a_password_is_sent_only_encrypted() {
        let strong = SecurityPolicy::Basic256Sha256.to_uri();
        let none = SecurityPolicy::None.to_uri();
        let old = SecurityPolicy::Basic128Rsa15.to_uri();
        for (policy, mode, own, allowed) in [
            (SecurityPolicy::None, Plain, none, false),
            (SecurityPolicy::None, Plain, "", false),
            (SecurityPolicy::None, Plain, old, false),
            (SecurityPolicy::None, Plain, strong, true),
            (SecurityPolicy::Basic256Sha256, Sign, none, false),
            (SecurityPolicy::Basic256Sha256, Sign, "", true),
            (SecurityPolicy::Basic256Sha256, SignAndEncrypt, none, true),
            (SecurityPolicy::Basic256Sha256, SignAndEncrypt, "", true),
        ] {
            let one = [offer(policy, mode, &[(UserTokenType::UserName, own)])];
            let asked = if policy == SecurityPolicy::None { Policy::None } else { Policy::Best };
            let protection = if mode == Sign { Protection::Sign } else { Protection::Encrypt };
            let found = choose(&one, &wanted(asked, protection, UserTokenType::UserName), URL);
            assert_eq!(found.is_ok(), allowed, "{policy:?} {mode:?} {own}");
        }
    }

    #[test]
    fn urls() {
        assert_eq!(parts("opc.tcp://plc"), Ok(("plc".into(), 4_840, String::new())));
        assert_eq!(parts("opc.tcp://[::1]:4841/a/b"), Ok(("::1".into(), 4_841, "/a/b".into())));
        assert_eq!(parts("opc.tcp://[fe80::1]"), Ok(("fe80::1".into(), 4_840, String::new())));
        for wrong in
            ["http://plc", "plc:4840", "opc.tcp://", "opc.tcp://plc:0", "opc.tcp://plc:x", "opc.tcp://a b"]
        {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }
}
