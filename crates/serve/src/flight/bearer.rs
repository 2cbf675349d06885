//! Who asks: a bearer in each call, which is an API token, or was given for name and password at the handshake.

use super::Shared;
use crate::door::Refused;
use crate::people;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::Principal;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tonic::metadata::MetadataMap;

/// A bearer that was not used for this long is worth nothing any more.
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// Most bearers of one user or token: the one that was not used the longest makes room.
const MOST_OF_ONE: usize = 100;
/// Longest header that is looked at, bytes.
const MOST_HEADER: usize = 4_096;

/// Clients in Go leave the signs at the end out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bearers that were given out.
#[derive(Default)]
pub(super) struct Bearers(Mutex<HashMap<String, Given>>);

struct Given {
    who: Principal,
    used: Instant,
}

impl Bearers {
    fn give(&self, who: &Principal) -> Result<String, Refused> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(|_| Refused::Internal)?;
        let text = hex("ibf_", &bytes);
        let mut all = self.0.lock();
        all.retain(|_, given| given.used.elapsed() < IDLE);
        let own = all.iter().filter(|(_, given)| given.who.name == who.name);
        let oldest = own.clone().min_by_key(|(_, given)| given.used).map(|(text, _)| text.clone());
        if own.count() >= MOST_OF_ONE
            && let Some(oldest) = oldest
        {
            all.remove(&oldest);
        }
        all.insert(text.clone(), Given { who: who.clone(), used: Instant::now() });
        Ok(text)
    }

    fn who(&self, text: &str) -> Option<Principal> {
        let mut all = self.0.lock();
        let given = all.get_mut(text).filter(|given| given.used.elapsed() < IDLE)?;
        given.used = Instant::now();
        Some(given.who.clone())
    }

    fn forget(&self, text: &str) {
        self.0.lock().remove(text);
    }
}

/// `prefix` and the bytes in letters.
pub(super) fn hex(prefix: &str, bytes: &[u8]) -> String {
    let mut text = prefix.to_owned();
    for byte in bytes {
        // Writing into memory does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What follows `scheme` in the header `authorization` (RFC 9110 section 11.6.2).
fn given<'a>(headers: &'a MetadataMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get("authorization")?.to_str().ok().filter(|v| v.len() <= MOST_HEADER)?;
    let (first, rest) = value.split_once(' ')?;
    first.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// Name and password of `Basic` (RFC 7617 section 2).
fn basic(text: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

impl Shared {
    /// Who asks by the bearer of a call.
    ///
    /// # Errors
    /// There is none, it is worth nothing, or the rights behind it are not what they were.
    pub fn who(&self, headers: &MetadataMap) -> Result<Principal, Refused> {
        let Some(text) = given(headers, "bearer") else {
            return Err(Refused::SignIn("nobody signed in on this call".into()));
        };
        if let Some(who) = self.door.access.token(text) {
            return Ok(who);
        }
        let Some(who) = self.bearers.who(text) else {
            return Err(Refused::SignIn("the token is wrong, or its time is over".into()));
        };
        if self.door.access.still(&who) {
            return Ok(who);
        }
        self.bearers.forget(text);
        Err(Refused::Ended)
    }

    /// The handshake: a bearer for name and password; an API token is one already.
    ///
    /// # Errors
    /// Name or password are wrong, or came too often.
    pub async fn sign_in(&self, headers: &MetadataMap, peer: SocketAddr) -> Result<String, Refused> {
        if let Some(text) = given(headers, "bearer") {
            return self.who(headers).map(|_| text.to_owned());
        }
        let Some((name, password)) = given(headers, "basic").and_then(basic) else {
            return Err(Refused::SignIn("the handshake brings no name and password".into()));
        };
        let source = peer.ip().to_string();
        let who = people::by_password(&self.door.access, &name, &password, &source).await;
        self.bearers.give(&who.map_err(Refused::SignIn)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Role;

    #[test]
    fn headers_as_clients_write_them() {
        let mut headers = MetadataMap::new();
        headers.insert("authorization", "Bearer ib_x".parse().unwrap());
        assert_eq!((given(&headers, "bearer"), given(&headers, "basic")), (Some("ib_x"), None));
        headers.insert("authorization", "Basic YW5uYTpmaXNoOmFuZDpjaGlwcw==".parse().unwrap());
        let read = given(&headers, "basic").and_then(basic);
        assert_eq!(read, Some(("anna".into(), "fish:and:chips".into())));
        assert_eq!(basic("YW5uYTpmaXNo"), Some(("anna".into(), "fish".into())));
        assert_eq!(basic("YW5uYTpmaXNoeQ"), basic("YW5uYTpmaXNoeQ=="));
        for nonsense in ["", "!", "YW5uYQ==", "/////w=="] {
            assert_eq!(basic(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn bearers_of_one_name_are_bounded() {
        let bearers = Bearers::default();
        let who = |name: &str| Principal { name: format!("user:{name}"), role: Role::Viewer, prefix: None };
        let other = bearers.give(&who("other")).unwrap();
        let all: Vec<String> = (0..=MOST_OF_ONE).map(|_| bearers.give(&who("one")).unwrap()).collect();
        assert_eq!(bearers.who(&all[0]), None);
        assert_eq!(bearers.who(&all[MOST_OF_ONE]), Some(who("one")));
        assert_eq!(bearers.who(&other), Some(who("other")));
        bearers.forget(&other);
        assert_eq!(bearers.who(&other), None);
    }
}
