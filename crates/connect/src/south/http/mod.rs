//! HTTP in: JSON documents of devices and services, asked for regularly.
//!
//! ```text
//!  file ─ config ─ build ─▶ steps (one path each) ─▶ speaker: one GET feeds many points ─▶ sheet ─▶ link
//! ```
//! Rationale: what stands in a document is found by JSON pointers (RFC 6901), its own time is kept where it has one,
//! and size, depth and time of every answer are bounded: a device may send us anything.

mod client;
mod config;
mod document;
mod speaker;
mod url;

use super::tags::{self, Plan, Resolved, Source, Tag, Wrong, closed_schema, portions};
use super::turns::Turns;
use super::{DeviceLayout, Driver, GroupLayout};
use crate::kind::{Built, Claim, Context, Kind, Security};
use client::Client;
use config::{Device, File, Tag as Entry};
use document::{Row, Stamp, check_pointer};
use model::config::{Diagnostic, Document};
use speaker::{Group, Http, Step};
use transport::{Target, TlsClient, TlsFiles};
use url::Url;

/// Polled JSON over HTTP.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "http",
    title: "HTTP (JSON, polled)",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str = "[device.meter.tags] with power = { at = \"/status#/power\", type = \"f64\" }";
/// Longest path of a request, query included.
const MAX_PATH: usize = 2_000;

/// One tag, resolved.
struct Point {
    path: String,
    row: Row,
    class: usize,
    index: usize,
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let url = Url::parse(&file.url).map_err(|(message, help)| plan.mistake(&["url"], message, help)).ok();
    let tls = tls(&mut plan, document, context, &file, url.as_ref());
    client::check(&mut plan, &file);
    let mut devices = Vec::new();
    for (name, device) in &file.device {
        let home = plan.device(name, &device.keys);
        let stamp = stamp(&mut plan, name, device);
        let mut points: Vec<Point> = Vec::new();
        plan.tags(&home, &device.tags, |plan, tag, entry| {
            points.extend(resolve(plan, tag, entry, stamp.as_ref()))
        });
        devices.push((name.clone(), points));
    }
    plan.expect_tags(EXAMPLE);
    let Resolved { timing, classes, points } = plan.finish()?;
    // Without a URL there was a mistake, and the line above has returned it.
    let Some(url) = url else { return Err(Vec::new()) };
    let (layouts, groups, rows) = arrange(devices, &classes);
    let layout = timing.layout(layouts, groups);
    let (endpoint, security) = (url.to_string(), security(&file, &url));
    let target = match tls {
        Some(config) => Target::Tls { host: url.host.clone(), port: url.port, config },
        None => Target::Tcp { host: url.host.clone(), port: url.port },
    };
    let client = Client::new(target, url, timing, &file, context.secrets.clone());
    Ok(Built {
        it: Box::new(Turns::new(Http::new(client, layout, rows))),
        points,
        claims: vec![Claim::Endpoint(format!("http {endpoint}"))],
        expected: Vec::new(),
        endpoint,
        security,
    })
}

fn tls(
    plan: &mut Plan<'_>,
    document: &Document,
    context: &Context,
    file: &File,
    url: Option<&Url>,
) -> Option<TlsClient> {
    let secure = url.is_some_and(|url| url.secure);
    if !secure {
        if file.tls.is_some() && url.is_some() {
            plan.mistake(
                &["tls"],
                "`tls` is given but `url` is in the clear",
                "write \"https://...\", or leave `tls` out",
            );
        }
        return None;
    }
    let keys = file.tls.clone().unwrap_or_default();
    let path = |name: &Option<String>| name.as_ref().map(|name| context.file(document, name));
    let files = TlsFiles {
        ca: path(&keys.ca),
        certificate: path(&keys.certificate),
        key: path(&keys.key),
        server_name: keys.server_name.clone(),
        alpn: Vec::new(),
    };
    TlsClient::from_files(files)
        .map_err(|fault| {
            let help = "file names are relative to this file's folder, then to the plant folder";
            plan.mistake(&["tls"], fault.to_string(), help);
        })
        .ok()
}

fn stamp(plan: &mut Plan<'_>, name: &str, device: &Device) -> Option<Stamp> {
    let pointer = device.time.clone()?;
    if let Err(wrong) = check_pointer(&pointer) {
        plan.mistake(&["device", name, "time"], wrong.message, wrong.help);
    }
    Some(Stamp { pointer, format: device.time_format })
}

fn resolve(plan: &mut Plan<'_>, tag: &Tag<'_>, entry: &Entry, stamp: Option<&Stamp>) -> Option<Point> {
    let (path, pointer) = parse_at(&entry.at).map_err(|wrong| plan.wrong(tag, "at", wrong)).ok()?;
    let Some(kind) = entry.kind else {
        let help = "write type = \"f64\" or another of bool, f64, i64, u64, text";
        plan.wrong(tag, "at", Wrong::new("`type` is missing", help));
        return None;
    };
    if entry.keys.write.is_some() {
        let help = "leave out `write`; this kind of connection only reads";
        plan.wrong(tag, "write", Wrong::new("a document that is asked for cannot be written", help));
    }
    let stamp = match &entry.time {
        None => stamp.cloned(),
        Some(pointer) => {
            check_pointer(pointer).map_err(|wrong| plan.wrong(tag, "time", wrong)).ok()?;
            let format = stamp.map(|stamp| stamp.format).unwrap_or_default();
            Some(Stamp { pointer: pointer.clone(), format })
        }
    };
    let slot = plan.point(
        tag,
        Source { value: kind.value_type(), words: format!("{path}#{pointer} {}", kind.name()) },
    )?;
    let row = Row { pointer, kind, stamp: stamp.map(Box::new), scaling: slot.scaling };
    Some(Point { path, row, class: slot.class, index: slot.index })
}

/// Path of the request and pointer into its answer.
fn parse_at(text: &str) -> Result<(String, String), Wrong> {
    let (path, pointer) = text.split_once('#').unwrap_or((text, ""));
    let sound = (path.is_empty() || path.starts_with(['/', '?']))
        && path.len() <= MAX_PATH
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound {
        let message = format!("`{path}` is no path of a request");
        return Err(Wrong::new(
            message,
            "write \"/path#/pointer\"; what is not plain ASCII is written like %20",
        ));
    }
    check_pointer(pointer)?;
    Ok((path.to_owned(), pointer.to_owned()))
}

fn arrange(
    devices: Vec<(String, Vec<Point>)>,
    classes: &[(String, std::time::Duration)],
) -> (Vec<DeviceLayout>, Vec<GroupLayout>, Vec<Group>) {
    let (mut layouts, mut groups, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (device, (name, mut points)) in devices.into_iter().enumerate() {
        layouts.push(DeviceLayout { name, unit: String::new(), excluded: Vec::new() });
        points.sort_by(|a, b| a.path.cmp(&b.path));
        for (class, points) in portions(points, |point: &Point| point.class) {
            let (name, period) = classes.get(class).cloned().unwrap_or_default();
            let indices = points.iter().map(|point| point.index).collect();
            groups.push(GroupLayout { device, class: name, period, points: indices });
            let mut group = Group::default();
            for (row, point) in (0..).zip(points) {
                match group.steps.last_mut() {
                    Some(step) if step.path == point.path => step.rows.push(row),
                    _ => group.steps.push(Step { path: point.path, rows: vec![row] }),
                }
                group.rows.push(point.row);
            }
            rows.push(group);
        }
    }
    (layouts, groups, rows)
}

fn security(file: &File, url: &Url) -> Security {
    let by = match (file.bearer.is_some() || !file.secret_headers.is_empty(), file.user.is_some()) {
        (true, _) => "token",
        (_, true) => "password",
        _ if file.tls.as_ref().is_some_and(|tls| tls.certificate.is_some()) => "client certificate",
        _ => "no sign-in",
    };
    if url.secure {
        Security::tls(&format!("HTTPS, {by}"))
    } else {
        Security::none(&format!(
            "HTTP in the clear, {by}: anybody on this network can read it, and change what is said"
        ))
    }
}

impl tags::TagEntry for Entry {
    const COLUMNS: &'static [&'static str] = &["at", "type", "time"];

    fn keys(&self) -> &tags::TagKeys {
        &self.keys
    }
}

#[cfg(test)]
mod tests;
