//! The address of a server, taken apart.

use std::fmt;

/// Scheme, host, port and the path in front of all paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) secure: bool,
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Empty, or with a slash in front and none behind.
    pub(super) base: String,
}

impl Url {
    /// Reads `http://host:port/base` or `https://...`.
    ///
    /// # Errors
    /// What is wrong and what to write.
    pub(super) fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        const HELP: &str = "write \"https://10.20.1.30:8443/api\" or \"http://...\"";
        let wrong = |why: &str| Err((format!("`url` {why}"), HELP));
        let (secure, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some((scheme, _)) => return wrong(&format!("has the scheme `{scheme}`")),
            None => return wrong("has no scheme"),
        };
        let (place, base) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if base.contains(['?', '#']) {
            return wrong("has a query or a fragment; they belong to the tags");
        }
        if place.contains('@') {
            return wrong("has a user name; `user` and `password` have keys of their own");
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !place.ends_with(']') => match port.parse() {
                Ok(port) => (host, port),
                Err(_) => return wrong(&format!("has the port `{port}`")),
            },
            _ => (place, if secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || port == 0 || !plain(host) || !plain(base) {
            return wrong("names no host and port");
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { secure, host: host.to_owned(), port, base })
    }

    /// Host and port as the header `Host` has them.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_taken_apart_and_shown_again() {
        for (text, host, port, base, shown) in [
            ("http://meter", "meter", 80, "", "http://meter"),
            ("https://10.1.2.3:8443/api/v1/", "10.1.2.3", 8443, "/api/v1", "https://10.1.2.3:8443/api/v1"),
            ("https://[fd00::1]:444/x", "fd00::1", 444, "/x", "https://[fd00::1]:444/x"),
            ("https://[fd00::1]", "fd00::1", 443, "", "https://[fd00::1]"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.base.as_str()), (host, port, base), "{text}");
            assert_eq!(url.to_string(), shown);
        }
        for wrong in [
            "meter",
            "ftp://x",
            "http://",
            "http://a:x",
            "http://u:p@h",
            "http://h/a?b=1",
            "http://h a/",
            "http://h:0",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }
}
