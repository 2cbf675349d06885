//! Parameters of the routes that other programs read tables from, and which file they want.

use super::points::short;
use crate::shapes::FileFormat;
use crate::sheet::{Column, CsvSheet, JsonSheet, Sheet};
use crate::state::Web;
use crate::{ApiError, Problem};
use axum::http::{HeaderMap, header};
use model::Time;

/// Rows as which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Json,
    File(FileFormat),
}

impl Rows {
    pub fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::File(format) => super::query::file_kind(format).0,
        }
    }

    pub fn sheet(self, web: &Web, columns: &'static [Column]) -> Result<Box<dyn Sheet>, Problem> {
        Ok(match self {
            Self::Json => Box::new(JsonSheet::new(columns)),
            Self::File(FileFormat::Csv) => Box::new(CsvSheet::new(columns)),
            Self::File(FileFormat::Parquet) => web.query.parquet(columns)?,
        })
    }
}

/// Parameters as they were given, taken out one after the other; what is left over is a mistake.
pub(super) struct Given(Vec<(String, String)>);

impl Given {
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// All values of a parameter that may be repeated.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        let (mine, rest) = std::mem::take(&mut self.0).into_iter().partition(|(given, _)| given == name);
        self.0 = rest;
        let mine: Vec<(String, String)> = mine;
        mine.into_iter().map(|(_, value)| value).collect()
    }

    /// A parameter that is given once at most.
    pub fn one(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut all = self.all(name);
        if all.len() > 1 {
            return Err(ApiError::bad_request(format!("`{name}` may be given once.")));
        }
        Ok(all.pop())
    }

    pub fn whole(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        let wrong =
            |text: &str| ApiError::bad_request(format!("`{name}` is a whole number, not `{}`.", short(text)));
        self.one(name)?.map(|text| text.parse().map_err(|_| wrong(&text))).transpose()
    }

    pub fn time(&mut self, name: &str) -> Result<Option<Time>, ApiError> {
        self.one(name)?.map(|text| moment(name, &text)).transpose()
    }

    /// The table wanted, if one is: `format=`, else what the client says it takes.
    pub fn rows(&mut self, headers: &HeaderMap) -> Result<Option<Rows>, ApiError> {
        Ok(Some(match self.one("format")?.as_deref() {
            Some("json") => Rows::Json,
            Some("csv") => Rows::File(FileFormat::Csv),
            Some("parquet") => Rows::File(FileFormat::Parquet),
            Some(other) => {
                let text = format!("`format` is json, csv or parquet, not `{}`.", short(other));
                return Err(ApiError::bad_request(text));
            }
            None => {
                let takes =
                    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
                let wants = |media: &str| takes.split(',').any(|one| one.trim().starts_with(media));
                match (wants("text/csv"), wants("application/vnd.apache.parquet")) {
                    (true, _) => Rows::File(FileFormat::Csv),
                    (_, true) => Rows::File(FileFormat::Parquet),
                    _ => return Ok(None),
                }
            }
        }))
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(ApiError::bad_request(format!("There is no parameter `{}` here.", short(name))))
            }
        }
    }
}

/// A moment: milliseconds since 1970 UTC, or RFC 3339 (`2026-11-22T06:00:00Z`).
pub(super) fn moment(name: &str, text: &str) -> Result<Time, ApiError> {
    if let Ok(ms) = text.parse::<f64>() {
        return super::history::time(name, ms);
    }
    // In an address, a `+` that is not written as %2B arrives as a blank.
    Time::parse_rfc3339(&text.replace(' ', "+")).ok_or_else(|| {
        let text = short(text);
        ApiError::bad_request(format!(
            "`{name}` is milliseconds since 1970 UTC, or like 2026-11-22T06:00:00Z, not `{text}`."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn moments_are_numbers_or_rfc_3339() {
        let expected = Time(1_767_225_600_500_000_000);
        for text in ["1767225600500", "2026-01-01T00:00:00.5Z", "2026-01-01T01:00:00.5 01:00"] {
            assert_eq!(moment("from", text).unwrap(), expected, "{text}");
        }
        assert!(moment("from", "yesterday").is_err() && moment("from", "NaN").is_err());
    }

    #[test]
    fn the_format_is_named_or_negotiated() {
        let given = |pairs: &[(&str, &str)], accept: &'static str| {
            let pairs = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Given::new(pairs).rows(&headers)
        };
        assert_eq!(given(&[], "*/*").unwrap(), None);
        assert_eq!(given(&[], "text/html, text/csv;q=0.9").unwrap(), Some(Rows::File(FileFormat::Csv)));
        assert_eq!(given(&[("format", "json")], "text/csv").unwrap(), Some(Rows::Json));
        assert!(given(&[("format", "xml")], "").is_err());
        assert!(given(&[("format", "csv"), ("format", "json")], "").is_err());
    }
}
