//! The Host header must name this gateway: a page of a stranger whose name was rebound to our address gets nothing.

use crate::ApiError;
use axum::http::{HeaderMap, Uri, header};
use std::net::IpAddr;

/// Names by which this gateway may be called.
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    pub fn new(names: Vec<String>) -> Self {
        Self(names.into_iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect())
    }

    /// IP addresses cannot be rebound; `localhost` and names below it are the machine's own (RFC 6761, 6.3).
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let mut given = headers.get_all(header::HOST).iter();
        let (one, more) = (given.next(), given.next());
        let host = match (one, more) {
            (Some(host), None) => host.to_str().ok(),
            _ => None,
        };
        let absolute = uri.authority().map(|authority| authority.as_str());
        let fits = host.is_some_and(|host| self.knows(host)) && absolute.is_none_or(|name| self.knows(name));
        if fits { Ok(()) } else { Err(ApiError::unknown_host()) }
    }

    fn knows(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_and_addresses() {
        let hosts = Hosts::new(vec!["gateway.plant".into()]);
        for good in [
            "localhost",
            "127.0.0.1:8080",
            "[::1]:80",
            "[fe80::1]",
            "Gateway.Plant:443",
            "gateway.plant.",
            "10.1.2.3",
        ] {
            assert!(hosts.knows(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "gateway.plant.evil.example",
            "localhost.evil",
            "127.0.0.1.evil",
            "[evil]",
            ":80",
            "1",
        ] {
            assert!(!hosts.knows(bad), "{bad}");
        }
    }

    #[test]
    fn exactly_one_host_header() {
        let hosts = Hosts::new(vec![]);
        let uri = Uri::from_static("/");
        let mut headers = HeaderMap::new();
        assert!(hosts.check(&uri, &headers).is_err());
        headers.append(header::HOST, "localhost".parse().unwrap());
        assert!(hosts.check(&uri, &headers).is_ok());
        assert!(hosts.check(&Uri::from_static("http://evil.example/"), &headers).is_err());
        headers.append(header::HOST, "localhost".parse().unwrap());
        assert!(hosts.check(&uri, &headers).is_err());
    }
}
