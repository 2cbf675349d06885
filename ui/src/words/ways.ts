/** The ways in which other programs get the plant's data. */

export interface Way {
  name: string;
  use: string;
  /** Empty while it is not offered. */
  address: string;
  /** What to write to have it offered. */
  off?: string;
}

/** `listeners` are the addresses of the gateway, told apart by their scheme. */
export function ways(listeners: string[], origin: string): Way[] {
  const of = (scheme: string) => listeners.find((one) => one.startsWith(`${scheme}://`)) ?? "";
  return [
    { name: "SQL (PostgreSQL)", use: "psql, pandas, Grafana, Excel, DBeaver", address: of("postgresql"), off: "[serve.postgres]" },
    { name: "Arrow Flight SQL", use: "pandas, Polars, DuckDB: many rows at once", address: of("grpc+tls") || of("grpc"), off: "[serve.flight]" },
    { name: "OPC UA", use: "SCADA, MES, historians", address: of("opc.tcp"), off: "[serve.opcua]" },
    { name: "Tables", use: "CSV, JSON, Parquet over HTTP", address: `${origin}/api/range?points=PATTERN&format=csv` },
    { name: "Newest values", use: "scripts, dashboards", address: `${origin}/api/latest?points=PATTERN&format=json` },
    { name: "Samples as they come", use: "server-sent events, resumed after a cut", address: `${origin}/api/stream?points=PATTERN` },
    { name: "Prometheus: points", use: "a scrape job", address: `${origin}/metrics/points?points=PATTERN` },
    { name: "Prometheus: Ironbridge itself", use: "a scrape job", address: `${origin}/metrics` },
    { name: "Description of the API", use: "OpenAPI", address: `${origin}/api/openapi.json` },
  ];
}
