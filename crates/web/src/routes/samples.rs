//! Samples of many points as rows: the whole as a stream, or page by page.
//!
//! Rows stand by path, then time, then position. The first page fixes the stretch of time and the head of the journal;
//! the cursor carries both, so that pages neither repeat nor shift while data arrive.

use super::given::{Given, Rows};
use super::history::span;
use super::points::short;
use super::rows::{
    Source, double, dressed, flag, meaning_cells, moment, quality_cells, stream_rows, text, value_cells,
    whole,
};
use crate::ApiError;
use crate::answer;
use crate::chosen::{Chosen, chosen};
use crate::history::{Sample, Span};
use crate::sheet::{Column, Sheet};
use crate::state::{Shared, Web, Who};
use crate::{Problem, ProblemKind};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use model::{Declaration, PointId, Position, Time};
use std::sync::Arc;

/// Most points of one question.
const MOST_POINTS: usize = 10_000;
/// Most rows of a page.
const MOST_PAGE: u64 = 100_000;
/// Most rows of an answer without pages.
const MOST_ROWS: usize = 20_000_000;
/// Samples read at a time.
const PIECE: usize = 50_000;

/// Samples; names as in SQL.
pub(super) const SAMPLES: &[Column] = &[
    text("path"),
    moment("time"),
    moment("received"),
    whole("seq"),
    double("value"),
    whole("value_int"),
    text("value_text"),
    text("unit"),
    text("state"),
    flag("good"),
    text("quality"),
    whole("status"),
    flag("historical"),
];

/// Where a page ended, and what all pages of one question have in common.
#[derive(Clone, Debug, PartialEq)]
struct Cursor {
    span: Span,
    until: Position,
    time: Time,
    seq: Position,
    path: String,
}

impl Cursor {
    fn text(&self) -> String {
        let Self { span, until, time, seq, path } = self;
        format!("{}~{}~{}~{}~{}~{path}", span.from.0, span.to.0, until.0, time.0, seq.0)
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let read = || {
            let parts: Vec<&str> = text.splitn(6, '~').collect();
            let [from, to, until, time, seq, path] = parts.as_slice() else { return None };
            let time_of = |text: &str| text.parse().ok().map(Time);
            let position_of = |text: &str| text.parse().ok().map(Position);
            Some(Self {
                span: Span { from: time_of(from)?, to: time_of(to)? },
                until: position_of(until)?,
                time: time_of(time)?,
                seq: position_of(seq)?,
                path: (*path).to_owned(),
            })
        };
        read().ok_or_else(|| {
            ApiError::bad_request(format!("`{}` is no cursor of an earlier page.", short(text)))
        })
    }
}

/// A walk through the samples of some points.
pub(super) struct Walk {
    points: Vec<Chosen>,
    at: usize,
    /// What was declared of the present point, from when; empty before its first piece.
    declared: Vec<(Time, Arc<Declaration>)>,
    span: Span,
    until: Position,
    /// Where the present point goes on.
    from: Time,
    /// The last row of the page before.
    after: Option<(Time, Position)>,
    /// Rows that may still come; one more is a problem.
    left: usize,
}

impl Walk {
    pub fn new(points: Vec<Chosen>, span: Span, until: Position) -> Self {
        Self {
            points,
            at: 0,
            declared: Vec::new(),
            span,
            until,
            from: span.from,
            after: None,
            left: MOST_ROWS,
        }
    }

    fn resume(points: Vec<Chosen>, cursor: &Cursor) -> Self {
        let at = points.partition_point(|(_, declared)| declared.path.as_str() < cursor.path.as_str());
        let mut walk = Self { at, ..Self::new(points, cursor.span, cursor.until) };
        if walk.points.get(at).is_some_and(|(_, declared)| declared.path.as_str() == cursor.path) {
            (walk.from, walk.after) = (cursor.time, Some((cursor.time, cursor.seq)));
        }
        walk
    }

    /// The next samples, at most `most` or a few more: of one point, in order. `None` at the end.
    fn piece(&mut self, web: &Web, most: usize) -> Result<Option<(usize, Vec<Sample>)>, Problem> {
        while let Some((id, _)) = self.points.get(self.at) {
            let (id, at) = (*id, self.at);
            let (mut samples, ended) = self.read(web, id, most)?;
            let (until, after) = (self.until, self.after);
            samples.retain(|s| s.seq <= until && after.is_none_or(|after| (s.time, s.seq) > after));
            if self.declared.is_empty() {
                self.declared = web.store.declared(id);
            }
            if ended {
                (self.at, self.from, self.after) = (at + 1, self.span.from, None);
            }
            if !samples.is_empty() {
                return Ok(Some((at, samples)));
            }
            if ended {
                self.declared.clear();
            }
        }
        Ok(None)
    }

    /// Ends between two times, so that the next piece neither repeats nor skips samples.
    fn read(&mut self, web: &Web, id: PointId, most: usize) -> Result<(Vec<Sample>, bool), Problem> {
        let mut most = most.clamp(2, PIECE);
        loop {
            let span = Span { from: self.from, to: self.span.to };
            let mut samples = web.store.range(id, span, most, false)?;
            if samples.len() < most {
                return Ok((samples, true));
            }
            let last = samples.last().map_or(self.span.to, |sample| sample.time);
            let whole = samples.partition_point(|sample| sample.time < last);
            if whole > 0 {
                samples.truncate(whole);
                self.from = last;
                return Ok((samples, false));
            }
            most = most.saturating_mul(2); // that many samples of one point at one instant
        }
    }

    /// Rows of a piece.
    fn rows(&mut self, at: usize, samples: &[Sample], sheet: &mut dyn Sheet) {
        let Some((_, now)) = self.points.get(at) else { return };
        for sample in samples {
            // What was in force then: a change from kPa to bar does not relabel history.
            let then = self.declared.iter().rev().find(|(since, _)| *since <= sample.time);
            let declared = then.or_else(|| self.declared.first()).map_or(now, |(_, declared)| declared);
            sheet.text(now.path.as_str());
            sheet.time(sample.time);
            sheet.time_or_null(sample.received);
            sheet.whole(sample.seq.as_i64());
            value_cells(sheet, &sample.value, sample.status);
            meaning_cells(sheet, declared, &sample.value, sample.status);
            quality_cells(sheet, sample.status);
            sheet.flag(sample.historical);
            sheet.end_row();
        }
        if self.at != at {
            self.declared.clear();
        }
    }

    /// A page of at most `limit` rows, and where it ended if there are more.
    fn page(
        mut self,
        web: &Web,
        limit: usize,
        sheet: &mut dyn Sheet,
    ) -> Result<(Vec<u8>, Option<Cursor>), Problem> {
        let (mut left, mut last, mut bytes) = (limit, None, Vec::new());
        while let Some((at, mut samples)) = self.piece(web, left + 1)? {
            if left == 0 {
                bytes.extend(sheet.take(true)?);
                return Ok((bytes, last));
            }
            let more = samples.len() > left;
            samples.truncate(left);
            left -= samples.len();
            self.rows(at, &samples, sheet);
            bytes.extend(sheet.take(false)?);
            let path = self.points.get(at).map(|(_, declared)| declared.path.to_string());
            last = samples.last().zip(path).map(|(sample, path)| Cursor {
                span: self.span,
                until: self.until,
                time: sample.time,
                seq: sample.seq,
                path,
            });
            if more {
                bytes.extend(sheet.take(true)?);
                return Ok((bytes, last));
            }
        }
        bytes.extend(sheet.take(true)?);
        Ok((bytes, None))
    }
}

impl Source for Walk {
    fn fill(&mut self, web: &Web, sheet: &mut dyn Sheet) -> Result<bool, Problem> {
        let Some((at, samples)) = self.piece(web, PIECE)? else { return Ok(false) };
        self.left = self.left.checked_sub(samples.len()).ok_or_else(too_much)?;
        self.rows(at, &samples, sheet);
        Ok(true)
    }
}

/// Logged only: the answer is under way, its client sees that it broke off.
fn too_much() -> Problem {
    let title = format!("An answer has at most {MOST_ROWS} rows; ask in pages.");
    Problem::new(ProblemKind::TooMuch, title, "The answer broke off.", "Ask for pages with `limit`.")
}

/// What is asked of `/api/range` as a table.
pub(super) struct Ask {
    pub wanted: Vec<String>,
    pub rows: Rows,
    pub from: Option<Time>,
    pub to: Option<Time>,
    pub limit: Option<u64>,
    pub cursor: Option<String>,
}

/// The rest of a question whose points, format and times are read.
pub(super) async fn table(
    web: Shared,
    who: Arc<Who>,
    uri: &Uri,
    given: Given,
    ask: Ask,
) -> Result<Response, ApiError> {
    given.end()?;
    let Ask { wanted, rows, from, to, limit, cursor } = ask;
    let cursor = cursor.map(|text| Cursor::parse(&text)).transpose()?;
    let span = span(&web, from, to)?;
    let until = web.namespace.journal().head();
    let points = answer::look(&web, move |web| chosen(web, &who.principal, &wanted, MOST_POINTS)).await??;
    let walk = match &cursor {
        Some(cursor) => Walk::resume(points, cursor),
        None => Walk::new(points, span, until),
    };
    let paged = cursor.is_some() || limit.is_some();
    if !paged {
        return stream_rows(web, rows, SAMPLES, "ironbridge-samples", walk);
    }
    let limit = limit.unwrap_or(MOST_PAGE).clamp(1, MOST_PAGE) as usize;
    let page = answer::read(&web, move |web| {
        let mut sheet = rows.sheet(web, SAMPLES)?;
        walk.page(web, limit, &mut *sheet)
    });
    let (bytes, next) = page.await??;
    let mut response = dressed(bytes.into_response(), rows, "ironbridge-samples")?;
    if let Some(next) = next {
        response.headers_mut().insert(header::LINK, link(uri, &next)?);
    }
    Ok(response)
}

/// `Link: <...>; rel="next"` (RFC 8288): the same question with the cursor.
fn link(uri: &Uri, next: &Cursor) -> Result<HeaderValue, ApiError> {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.starts_with("cursor="));
    let kept: Vec<&str> = kept.filter(|pair| !pair.is_empty()).collect();
    let text = format!("<{}?{}&cursor={}>; rel=\"next\"", uri.path(), kept.join("&"), next.text());
    HeaderValue::from_str(&text).map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_link_carries_it_once() {
        let cursor = Cursor {
            span: Span { from: Time(-5), to: Time(9) },
            until: Position::new(1, 7),
            time: Time(3),
            seq: Position::new(1, 2),
            path: "a/b-c/d_e".into(),
        };
        assert_eq!(Cursor::parse(&cursor.text()).unwrap(), cursor);
        for wrong in ["", "1~2~3", "x~1~1~1~1~a"] {
            assert!(Cursor::parse(wrong).is_err(), "{wrong}");
        }
        let uri: Uri = "/api/range?points=a%2F**&cursor=old&limit=5".parse().unwrap();
        let text = link(&uri, &cursor).unwrap();
        let expected = format!("</api/range?points=a%2F**&limit=5&cursor={}>; rel=\"next\"", cursor.text());
        assert_eq!(text.to_str().unwrap(), expected);
    }
}
