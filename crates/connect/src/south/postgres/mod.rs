//! A table of PostgreSQL: each new row is a message, read in the order of a column that only grows.
//!
//! ```text
//!  LISTEN, or every few seconds ─▶ rows behind the cursor ─▶ intake: columns, orders ─▶ link ─▶ journal
//!                                       ▲──── cursor, on our disk ◀── on disk, orders ended ◀────┘
//! ```
//! Rationale: the database is only read, so nothing in it has to know of Ironbridge, and the cursor is ours. A row is read
//! when its transaction and all that began before it have ended: numbers are given when a transaction begins, and one that
//! ends late would be passed over otherwise.

mod config;
mod driver;

use super::Driver;
use super::messages::{Intake, Levels, resolve};
use super::tags::{Plan, closed_schema};
use crate::kind::{Built, Context, Kind};
use crate::north::Switch;
use crate::postgres::Database;
use config::File;
use driver::{Table, Watch};
use model::config::{Diagnostic, Document};
use std::time::Duration;

/// How tables enter the product.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "postgres",
    title: "PostgreSQL table",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str =
    "[device.plan.tags] with quantity = { at = \"public.orders\", type = \"f64\", value = \"/quantity\" }";
/// Shortest pause between two looks at the table.
const SHORTEST: Duration = Duration::from_millis(100);

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let mut mistakes = Vec::new();
    let database = Database::read(&file.database, document, context, &mut mistakes);
    plan.add(mistakes);
    let mut spec = resolve(&mut plan, &file.device, Levels::Slashes, EXAMPLE);
    spec.commands = file.commands == Switch::On;
    for point in &spec.points {
        let device = spec.devices.get(point.device).map(String::as_str).unwrap_or_default();
        if point.command.is_some() {
            let help = "leave out `write` and `command`";
            plan.mistake(&["device", device], "a table is only read", help);
        } else if point.topic != file.table {
            let help = format!("write at = \"{}\"", file.table);
            plan.mistake(
                &["device", device],
                format!("`{}` is not the table that is read", point.topic),
                help,
            );
        }
    }
    for (key, name) in
        [("table", Some(&file.table)), ("cursor", Some(&file.cursor)), ("notify", file.notify.as_ref())]
    {
        if name.is_some_and(|name| !is_name(name, key == "table")) {
            let help =
                "write it as it stands in the database: letters, digits and `_`, e.g. \"public.orders\"";
            plan.mistake(&[key], format!("`{key}` is no name"), help);
        }
    }
    if file.poll.0 < SHORTEST {
        plan.mistake(&["poll"], "looking more often than every 100 ms helps nobody", "write 100ms or more");
    }
    let resolved = plan.finish()?;
    let Some(database) = database else { return Err(Vec::new()) };
    let claims = spec.claims();
    let (intake, layout) = Intake::new(&context.name, spec, "rows", resolved.timing);
    Ok(Built {
        points: resolved.points,
        claims,
        expected: Vec::new(),
        endpoint: format!("{} {}", database.endpoint(), file.table),
        security: database.security(),
        it: Box::new(Watch::new(context, database, Table::new(&file), intake, layout)),
    })
}

/// Names that need no quotes, with a schema in front where one may stand.
fn is_name(name: &str, qualified: bool) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.len() <= 63
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !word.starts_with(|c: char| c.is_ascii_digit())
    };
    match name.split_once('.') {
        Some((schema, table)) if qualified => word(schema) && word(table),
        Some(_) => false,
        None => word(name),
    }
}
