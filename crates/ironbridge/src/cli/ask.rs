//! Commands that ask a running Ironbridge: points, tail, query, user, token, secret, trust, audit.

use super::client::{Client, ClientError, encode};
use super::table::Table;
use super::{AuditCommand, Format, Running, SecretCommand, TokenCommand, UserCommand};
use hyper::Method;
use serde_json::{Value as Json, json};
use std::io::Write;

/// A path as a person says it: whole, or below the site as in the plant's files.
async fn whole(client: &Client, path: &str) -> Result<String, ClientError> {
    let site = text(&client.get("/api/about").await?, "site");
    Ok(below_site(&site, path))
}

fn below_site(site: &str, path: &str) -> String {
    let path = path.trim_matches('/');
    let starts = |first: &str| {
        let head = path.get(..first.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(first))
            && path.get(first.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Part of the site's own name is a prefix, too.
    let above = site.get(..path.len()).is_some_and(|head| head.eq_ignore_ascii_case(path));
    // A hub holds other sites of the same enterprise.
    let enterprise = site.split('/').next().unwrap_or(site);
    if path.is_empty() || above || starts(enterprise) || starts("_ironbridge") {
        return path.to_owned();
    }
    format!("{site}/{path}")
}

/// `points`.
pub async fn points(prefix: &str, running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let client = Client::new(&running.data);
    let prefix = &whole(&client, prefix).await?;
    let mut table = Table::new(&["path", "value", "unit", "quality", "time"]);
    let mut after = String::new();
    loop {
        let path = format!("/api/points?limit=1000&prefix={}&after={}", encode(prefix), encode(&after));
        let page = client.get(&path).await?;
        for point in list(&page, "points") {
            table.push(vec![
                text(point, "path"),
                shown(point),
                text(point, "unit"),
                text(point, "quality"),
                time(point),
            ]);
        }
        match page.get("next").and_then(Json::as_str) {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let empty = format!(
        "no points below `{prefix}`; `ironbridge points` lists all, `ironbridge connections` says what is wrong with theirs"
    );
    write(out, &table.render(&empty))
}

/// `tail`: one line a change, at most four times a second and point.
pub async fn tail(
    prefix: &str,
    lines: Option<usize>,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let client = Client::new(&running.data);
    let prefix = &whole(&client, prefix).await?;
    let page = client.get(&format!("/api/points?limit=2000&prefix={}", encode(prefix))).await?;
    let known = list(&page, "points");
    let paths: Vec<String> = known.iter().map(|point| text(point, "path")).collect();
    let units: Vec<String> = known.iter().map(|point| text(point, "unit")).collect();
    if paths.is_empty() {
        return write(out, &format!("no points below `{prefix}`; `ironbridge points` lists all\n"));
    }
    if page.get("next").is_some_and(|next| !next.is_null()) {
        write(out, "# more than 2000 points: only the first 2000 are shown; give a longer prefix\n")?;
    }
    let mut left = lines.unwrap_or(usize::MAX);
    let mut broken = None;
    client
        .events("/api/live", &json!({"paths": paths, "interval_ms": 250}), |name, data| {
            if name != "values" {
                return true;
            }
            let event: Json = serde_json::from_str(data).unwrap_or_default();
            for row in list(&event, "v").iter().filter_map(Json::as_array) {
                if left == 0 {
                    return false;
                }
                left -= 1;
                if let Err(error) = write(out, &tail_line(row, &paths, &units)) {
                    broken = Some(error);
                    return false;
                }
            }
            left > 0
        })
        .await?;
    broken.map_or(Ok(()), Err)
}

fn tail_line(row: &[Json], paths: &[String], units: &[String]) -> String {
    let index =
        row.first().and_then(Json::as_u64).and_then(|i| usize::try_from(i).ok()).unwrap_or(usize::MAX);
    let cell = |n: usize| row.get(n).map(short).unwrap_or_default();
    let of = |names: &[String]| names.get(index).cloned().unwrap_or_default();
    let at = row.get(4).and_then(Json::as_f64).map(stamp).unwrap_or_default();
    let line = format!("{at} {} {} {} {}", of(paths), cell(1), of(units), cell(2)).replace("  ", " ");
    format!("{}\n", model::text::clean(&line, usize::MAX))
}

/// `write`.
pub async fn write_value(
    path: &str,
    value: &str,
    reason: &str,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    // A number or a word of JSON is one; anything else is text. Whether it fits, the point's type says.
    let value: Json = serde_json::from_str(value)
        .ok()
        .filter(|v: &Json| v.is_number() || v.is_boolean())
        .unwrap_or_else(|| json!(value));
    let client = Client::new(&running.data);
    let path = whole(&client, path).await?;
    let wish = json!({"path": path, "value": value, "reason": reason});
    let done = client.post("/api/point/write", &wish).await?;
    let (outcome, why) = (text(&done, "outcome"), text(&done, "why"));
    let line = if why.is_empty() { format!("{outcome}\n") } else { format!("{outcome}: {why}\n") };
    if ["Confirmed", "Accepted", "Waiting"].contains(&outcome.as_str()) {
        return write(out, &line);
    }
    Err(ClientError::Refused {
        title: line.trim_end().to_owned(),
        meaning: String::new(),
        next: String::new(),
    })
}

/// `commands`.
pub async fn commands(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/commands?limit=1000").await?;
    let mut table = Table::new(&["asked", "who", "path", "value", "state", "why"]);
    for command in list(&answer, "commands") {
        let at = command.get("asked").and_then(Json::as_f64).map(stamp).unwrap_or_default();
        let state = match text(command, "outcome") {
            open if open.is_empty() => text(command, "state"),
            outcome => outcome,
        };
        let value = command.get("value").map(short).unwrap_or_default();
        table.push(vec![at, text(command, "who"), text(command, "path"), value, state, text(command, "why")]);
    }
    write(out, &table.render("no commands since the start; older ones stand in the audit and the events"))
}

/// `query`.
pub async fn query(
    sql: &str,
    format: Format,
    limit: usize,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let id = format!("cli-{}", std::process::id());
    let answer =
        Client::new(&running.data).post("/api/query", &json!({"sql": sql, "limit": limit, "id": id})).await?;
    write(out, &print_rows(&answer, format))
}

/// Columns and rows as the API gives them, as text.
pub fn print_rows(answer: &Json, format: Format) -> String {
    let columns: Vec<String> = list(answer, "columns").iter().map(|c| text(c, "name")).collect();
    let rows = list(answer, "rows");
    let kinds: Vec<String> = list(answer, "columns").iter().map(|c| text(c, "type")).collect();
    let cell = |(value, kind): (&Json, &String)| match value.as_f64() {
        Some(ms) if kind == "timestamp" => stamp(ms),
        _ => plain(value),
    };
    let cells = |row: &Json| {
        row.as_array().map(|r| r.iter().zip(&kinds).map(cell).collect::<Vec<_>>()).unwrap_or_default()
    };
    let mut out = String::new();
    match format {
        Format::Table => {
            let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
            rows.iter().for_each(|row| table.push(cells(row)));
            out = table.render("no rows");
        }
        Format::Csv => {
            let line = |cells: &[String]| {
                cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",") + "\r\n"
            };
            out.push_str(&line(&columns));
            rows.iter().for_each(|row| out.push_str(&line(&cells(row))));
        }
        Format::Json => {
            for row in rows {
                let values = row.as_array().cloned().unwrap_or_default();
                let object: serde_json::Map<String, Json> = columns.iter().cloned().zip(values).collect();
                out.push_str(&(Json::Object(object).to_string() + "\n"));
            }
        }
    }
    if answer.get("truncated") == Some(&Json::Bool(true)) && format == Format::Table {
        out.push_str(&format!("only the first {} rows; raise --limit for more\n", rows.len()));
    }
    out
}

/// RFC 4180; text that a spreadsheet would take for a formula gets an apostrophe, a number below zero does not.
fn csv_cell(cell: &str) -> String {
    let mut out = String::new();
    match cell.starts_with('-') && cell.parse::<f64>().is_ok() {
        true => out.push_str(cell),
        false => model::csv::field(&mut out, cell),
    }
    out
}

/// `user ...`.
pub async fn user(command: &UserCommand, out: &mut impl Write) -> Result<(), ClientError> {
    match command {
        UserCommand::Add { name, role, running } => {
            let answer =
                Client::new(&running.data).post("/api/users", &json!({"name": name, "role": role})).await?;
            write(
                out,
                &format!(
                    "user {name} ({role}) added; one-time link to set the password:\n{}\n",
                    text(&answer, "link")
                ),
            )
        }
        UserCommand::List { running } => {
            let answer = Client::new(&running.data).get("/api/users").await?;
            let mut table = Table::new(&["name", "role", "disabled", "last sign-in"]);
            for user in list(&answer, "users") {
                let seen = user.get("last_sign_in").and_then(Json::as_f64).map_or("never".into(), stamp);
                table.push(vec![text(user, "name"), text(user, "role"), text(user, "disabled"), seen]);
            }
            write(out, &table.render("no users yet; `ironbridge user add NAME --role administrator`"))
        }
        UserCommand::Link { name, running } => {
            let path = format!("/api/users/{}/link", encode(name));
            let answer = Client::new(&running.data).post(&path, &json!({})).await?;
            write(out, &format!("{}\n", text(&answer, "link")))
        }
        UserCommand::Remove { name, running } => {
            let path = format!("/api/users/{}", encode(name));
            Client::new(&running.data).json(Method::DELETE, &path, None).await?;
            write(out, &format!("user {name} removed\n"))
        }
    }
}

/// `token ...`.
pub async fn token(command: &TokenCommand, out: &mut impl Write) -> Result<(), ClientError> {
    match command {
        TokenCommand::Add { name, role, prefix, days, running } => {
            let body = json!({"name": name, "role": role, "prefix": prefix, "expires_days": days});
            let answer = Client::new(&running.data).post("/api/tokens", &body).await?;
            write(out, &format!("{}\n", text(&answer, "token")))
        }
        TokenCommand::List { running } => {
            let answer = Client::new(&running.data).get("/api/tokens").await?;
            let mut table = Table::new(&["id", "name", "role", "prefix", "expires"]);
            for token in list(&answer, "tokens") {
                let expires = token.get("expires").and_then(Json::as_f64).map_or("never".into(), stamp);
                let cell = |key: &str| text(token, key);
                table.push(vec![cell("id"), cell("name"), cell("role"), cell("prefix"), expires]);
            }
            write(out, &table.render("no tokens yet; `ironbridge token add NAME --role viewer`"))
        }
        TokenCommand::Remove { id, running } => {
            let path = format!("/api/tokens/{}", encode(id));
            Client::new(&running.data).json(Method::DELETE, &path, None).await?;
            write(out, &format!("token {id} removed\n"))
        }
    }
}

/// `secret ...`; the value comes from `input`.
pub async fn secret(
    command: &SecretCommand,
    input: &mut impl std::io::Read,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    match command {
        SecretCommand::Set { name, running } => {
            let mut value = String::new();
            let limit = 64 * 1024;
            std::io::Read::read_to_string(&mut std::io::Read::take(input, limit), &mut value)
                .map_err(|e| ClientError::Broken(e.to_string()))?;
            let value = value.trim_end_matches(['\r', '\n']);
            let path = format!("/api/secrets/{}", encode(name));
            Client::new(&running.data).json(Method::PUT, &path, Some(&json!({"value": value}))).await?;
            write(out, &format!("secret {name} set; what waits for it tries again within 30 s\n"))
        }
        SecretCommand::List { running } => {
            let answer = Client::new(&running.data).get("/api/secrets").await?;
            let mut table = Table::new(&["name", "set"]);
            for secret in list(&answer, "secrets") {
                let set = secret.get("set_at").and_then(Json::as_f64).map(stamp).unwrap_or_default();
                table.push(vec![text(secret, "name"), set]);
            }
            write(out, &table.render("no secrets yet; `ironbridge secret set NAME`"))
        }
        SecretCommand::Remove { name, running } => {
            let path = format!("/api/secrets/{}", encode(name));
            Client::new(&running.data).json(Method::DELETE, &path, None).await?;
            write(out, &format!("secret {name} removed\n"))
        }
    }
}

/// `browse`: the draft to standard output, notes and mistakes to standard error.
pub async fn browse(
    file: &std::path::Path,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let content = std::fs::read_to_string(file);
    let content = content.map_err(|why| ClientError::Broken(format!("{}: {why}", file.display())))?;
    let ask = json!({"file": file.display().to_string(), "text": content});
    let draft = Client::new(&running.data).post("/api/browse", &ask).await?;
    let notes = list(&draft, "notes").iter().map(|note| text(note, "text"));
    notes
        .chain([text(&draft, "mistakes")])
        .filter(|line| !line.is_empty())
        .for_each(|line| super::complain(&line));
    write(out, &text(&draft, "text"))
}

/// `trust`.
pub async fn trust(
    thumbprint: Option<&str>,
    remove: bool,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let client = Client::new(&running.data);
    let Some(thumbprint) = thumbprint else {
        let answer = client.get("/api/certificates").await?;
        let mut table = Table::new(&["standing", "of", "thumbprint", "subject", "valid until"]);
        for one in list(&answer, "certificates") {
            let until = one.get("until").and_then(Json::as_f64).map(stamp).unwrap_or_default();
            table.push(vec![
                text(one, "standing"),
                text(one, "of"),
                text(one, "thumbprint"),
                text(one, "subject"),
                until,
            ]);
        }
        write(out, &table.render("nobody has shown a certificate yet"))?;
        return match text(&answer, "own") {
            own if own.is_empty() => Ok(()),
            own => write(out, &format!("our own certificate, for the others to trust: {own}\n")),
        };
    };
    let path = format!("/api/certificates/{}", encode(thumbprint));
    let answer = client.json(Method::PUT, &path, Some(&json!({"trusted": !remove}))).await?;
    let done = match (remove, text(&answer, "of").as_str()) {
        (true, _) => "is trusted no more",
        (false, "client") => "is trusted; it can connect now",
        (false, _) => "is trusted; its connection tries again within 30 s",
    };
    write(out, &format!("{} ({}) {done}\n", text(&answer, "subject"), text(&answer, "thumbprint")))
}

/// The data folder that an audit command means.
pub fn audit_data(command: &AuditCommand) -> &std::path::Path {
    let AuditCommand::Verify { running } = command;
    &running.data
}

pub fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

pub fn text(json: &Json, key: &str) -> String {
    json.get(key).map(plain).unwrap_or_default()
}

fn plain(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown(point: &Json) -> String {
    let value = point.get("value").map(short).unwrap_or_default();
    match point.get("state").and_then(Json::as_str) {
        Some(state) => format!("{value} ({state})"),
        None => value,
    }
}

/// A value for eyes: six digits behind the point at most, small ones with an exponent. CSV and JSON keep all digits.
fn short(json: &Json) -> String {
    match json {
        Json::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or_default();
            if value != 0.0 && value.abs() < 1e-3 {
                format!("{value:.4e}")
            } else {
                let text = format!("{value:.6}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
        other => plain(other),
    }
}

fn time(point: &Json) -> String {
    point.get("time").and_then(Json::as_f64).map(stamp).unwrap_or_default()
}

pub fn stamp(ms: f64) -> String {
    // Milliseconds with a fraction are exact to a microsecond; more digits would be invented.
    model::Time((ms * 1e3).round() as i64 * 1000).rfc3339()
}

pub fn write(out: &mut impl Write, text: &str) -> Result<(), ClientError> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|why| match why.kind() {
        std::io::ErrorKind::BrokenPipe => ClientError::NobodyReads,
        _ => ClientError::Output(why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_eyes_are_short() {
        for (value, expected) in [
            (json!(87.80000000000001), "87.8"),
            (json!(12.0), "12"),
            (json!(0.0000515), "5.1500e-5"),
            (json!(0.0), "0"),
            (json!(7), "7"),
            (json!("x"), "x"),
        ] {
            assert_eq!(short(&value), expected);
        }
    }

    #[test]
    fn paths_are_whole_or_below_the_site() {
        for (path, expected) in [
            ("", ""),
            ("packaging/filler", "acme/leeds/packaging/filler"),
            ("Acme/Leeds/packaging", "Acme/Leeds/packaging"),
            ("acme/leeds", "acme/leeds"),
            ("acme", "acme"),
            ("acme/leeds-2/x", "acme/leeds-2/x"),
            ("acme-2/x", "acme/leeds/acme-2/x"),
            ("/packaging/", "acme/leeds/packaging"),
            ("_ironbridge/cpu", "_ironbridge/cpu"),
        ] {
            assert_eq!(below_site("acme/leeds", path), expected, "{path}");
        }
    }

    #[test]
    fn csv_disarms_formulas_and_keeps_numbers() {
        for (cell, expected) in
            [("=1+1", "\"'=1+1\""), ("-5.5", "-5.5"), ("-x", "\"'-x\""), ("a,b", "\"a,b\"")]
        {
            assert_eq!(csv_cell(cell), expected);
        }
    }
}
