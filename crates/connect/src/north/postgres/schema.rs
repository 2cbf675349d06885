//! The tables: made once, changed by numbered steps, never by anybody who only stores.

use super::rows::COLUMNS;
use super::words::fault;
use model::Fault;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

/// Version of the tables that this program knows.
const VERSION: i32 = 1;

/// What stands before every step: the schema, and which steps were done.
const FIRST: &str = r"
CREATE SCHEMA IF NOT EXISTS {s};
CREATE TABLE IF NOT EXISTS {s}.schema_version (version integer PRIMARY KEY, made timestamptz NOT NULL);
";

/// Steps from one version to the next, each in one transaction. `{s}` is the schema.
pub(super) const STEPS: &[&str] = &[V1];

/// The first version. `sample` is narrow; the view `samples` has the columns of Ironbridge's own SQL, so that a query
/// works here and there.
const V1: &str = r"
CREATE TABLE {s}.points (
    point       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path        text NOT NULL UNIQUE,
    name        text NOT NULL,
    type        text NOT NULL,
    unit        text NOT NULL,
    description text NOT NULL,
    range_low   double precision,
    range_high  double precision,
    states      jsonb NOT NULL,
    connection  text NOT NULL,
    device      text NOT NULL,
    source      text NOT NULL,
    scan_seconds double precision,
    writable    boolean NOT NULL
);
CREATE TABLE {s}.declarations (
    point      integer NOT NULL,
    seq        bigint NOT NULL,
    type       text NOT NULL,
    unit       text NOT NULL,
    range_low  double precision,
    range_high double precision,
    states     jsonb NOT NULL,
    PRIMARY KEY (point, seq)
);
CREATE TABLE {s}.sample (
    point      integer NOT NULL,
    time       timestamptz NOT NULL,
    nanos      smallint NOT NULL,
    seq        bigint NOT NULL,
    received   timestamptz NOT NULL,
    value      double precision,
    value_int  bigint,
    value_text text,
    status     bigint NOT NULL,
    historical boolean NOT NULL,
    PRIMARY KEY (point, time, nanos, seq)
);
CREATE TABLE {s}.quality (
    status bigint PRIMARY KEY,
    name   text NOT NULL
);
CREATE TABLE {s}.events (
    site     text NOT NULL,
    id       text NOT NULL,
    revision integer NOT NULL,
    kind     text NOT NULL,
    source   text NOT NULL,
    start    timestamptz NOT NULL,
    ended    timestamptz,
    severity integer NOT NULL,
    state    text NOT NULL,
    title    text NOT NULL,
    text     text NOT NULL,
    next     text NOT NULL,
    refs     text[] NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX events_start ON {s}.events (start);
CREATE TABLE {s}.delivery (
    gateway text PRIMARY KEY,
    seq     bigint NOT NULL,
    updated timestamptz NOT NULL
);
CREATE VIEW {s}.samples AS
    SELECT p.path, s.time, s.received, s.seq, s.value, s.value_int, s.value_text,
           s.status < 1073741824 AS good, coalesce(q.name, 'Status' || s.status) AS quality, s.status, s.historical
    FROM {s}.sample s JOIN {s}.points p USING (point) LEFT JOIN {s}.quality q USING (status);
CREATE VIEW {s}.latest AS
    SELECT p.path, p.unit, l.time, l.received, l.seq, l.value, l.value_int, l.value_text,
           l.status < 1073741824 AS good, coalesce(q.name, 'Status' || l.status) AS quality, l.status,
           extract(epoch FROM now() - l.time)::double precision AS age_seconds
    FROM {s}.points p
    CROSS JOIN LATERAL (SELECT * FROM {s}.sample s WHERE s.point = p.point
                        ORDER BY s.time DESC, s.nanos DESC, s.seq DESC LIMIT 1) l
    LEFT JOIN {s}.quality q USING (status);
";

/// Where samples that may be there already wait for the comparison with the key.
const STAGING: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS ironbridge_staging (LIKE {s}.sample INCLUDING DEFAULTS) ON COMMIT DELETE ROWS";

/// Makes `sample` a hypertable. Only called where TimescaleDB is installed in the database.
const HYPERTABLE: &str = "SELECT create_hypertable('{s}.sample', 'time', chunk_time_interval => interval '1 day', if_not_exists => true)";

/// All that makes the tables in a schema of that name, for those who read them.
pub(super) fn told(schema: &str) -> String {
    std::iter::once(&FIRST).chain(STEPS).map(|step| in_schema(step, schema)).collect()
}

/// The step to version `next`. Two gateways may start at the same moment: the second waits, and then its insert finds the
/// first's version.
fn migration(step: &str, next: i32, schema: &str) -> String {
    let lock = format!("BEGIN; SELECT pg_advisory_xact_lock(hashtext('ironbridge {schema}'));");
    let done = format!("INSERT INTO {{s}}.schema_version VALUES ({next}, now());");
    in_schema(&format!("{lock} {FIRST} {done} {step} COMMIT;"), schema)
}

/// A statement with the schema's name in it.
pub(super) fn in_schema(statement: &str, schema: &str) -> String {
    statement.replace("{s}", schema)
}

const CHECK: &str =
    "SELECT point, time, nanos, seq, received, value, value_int, value_text, status, historical
    FROM {s}.sample LIMIT 0";
/// The types of these columns.
const TYPES: [Type; 10] = [
    Type::INT4,
    Type::TIMESTAMPTZ,
    Type::INT2,
    Type::INT8,
    Type::TIMESTAMPTZ,
    Type::FLOAT8,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::BOOL,
];
/// Columns that we do not fill and that have to be filled.
const DEMANDED: &str =
    "SELECT attname::text FROM pg_attribute WHERE attrelid = '{s}.sample'::regclass AND attnum > 0
    AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attidentity = '' AND NOT attname = ANY($1)";

/// Whether the table of samples is as it was made: a column of another type would make a dead letter of every row.
pub(super) async fn unchanged(client: &Client, schema: &str) -> Result<(), Fault> {
    let check = format!("COPY {schema}.sample ({COLUMNS}) TO STDOUT");
    let table = client.prepare(&in_schema(CHECK, schema)).await.map_err(|e| fault(&e, &check))?;
    let changed = table.columns().iter().zip(TYPES).find(|(column, made)| column.type_() != made);
    if let Some((column, made)) = changed {
        let (name, now) = (column.name(), column.type_());
        let why = format!(
            "the column `{name}` of {schema}.sample was made as {made} and is {now} now: somebody changed the table; put it back \
             (`ALTER TABLE {schema}.sample ALTER {name} TYPE {made}`), or name another `schema`"
        );
        return Err(Fault::Config(why.into()));
    }
    let ours: Vec<&str> = table.columns().iter().map(|column| column.name()).collect();
    let demanded = client.query_opt(&format!("{} LIMIT 1", in_schema(DEMANDED, schema)), &[&ours]).await;
    if let Some(row) = demanded.map_err(|e| fault(&e, &check))? {
        let name: String = row.get(0);
        let why = format!(
            "{schema}.sample has a new column `{name}` that must be filled: give it a default \
             (`ALTER TABLE {schema}.sample ALTER {name} SET DEFAULT ...`), or name another `schema`"
        );
        return Err(Fault::Config(why.into()));
    }
    Ok(())
}

/// Makes or checks the tables of `schema`.
pub(super) async fn prepare(client: &Client, schema: &str) -> Result<(), Fault> {
    let wrong = |e: tokio_postgres::Error| fault(&e, &format!("making the tables in the schema `{schema}`"));
    let run = |text: &str| in_schema(text, schema);
    let there: bool = client
        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&format!("{schema}.schema_version")])
        .await
        .map_err(wrong)?
        .get(0);
    let mut version = 0;
    if there {
        let sql = run("SELECT max(version) FROM {s}.schema_version");
        version = client.query_one(&sql, &[]).await.map_err(wrong)?.get::<_, Option<i32>>(0).unwrap_or(0);
    }
    if version > VERSION {
        return Err(Fault::Config(
            format!("the tables in `{schema}` are of version {version}, made by a newer Ironbridge; this one knows {VERSION}").into(),
        ));
    }
    for (step, next) in STEPS.iter().zip(1..).skip(usize::try_from(version).unwrap_or(0)) {
        if let Err(error) = client.batch_execute(&migration(step, next, schema)).await {
            let _ = client.batch_execute("ROLLBACK").await;
            let made_meanwhile = error.code() == Some(&SqlState::UNIQUE_VIOLATION);
            if !made_meanwhile {
                return Err(wrong(error));
            }
        }
    }
    let timescale = "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb')";
    if version == 0 && client.query_one(timescale, &[]).await.map_err(wrong)?.get(0) {
        client.batch_execute(&run(HYPERTABLE)).await.map_err(wrong)?;
    }
    client.batch_execute(&run(STAGING)).await.map_err(wrong)
}
