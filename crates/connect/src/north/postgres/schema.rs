//! The tables: made once, changed by numbered steps, never by anybody who only stores.

/// Version of the tables that this program knows.
pub(super) const VERSION: i32 = 1;

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
pub(super) const STAGING: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS ironbridge_staging (LIKE {s}.sample INCLUDING DEFAULTS) ON COMMIT DELETE ROWS";

/// Makes `sample` a hypertable. Only called where TimescaleDB is installed in the database.
pub(super) const HYPERTABLE: &str = "SELECT create_hypertable('{s}.sample', 'time', chunk_time_interval => interval '1 day', if_not_exists => true)";

/// A statement with the schema's name in it.
pub(super) fn in_schema(statement: &str, schema: &str) -> String {
    statement.replace("{s}", schema)
}
