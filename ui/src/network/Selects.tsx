/** Filters that the map and the list of assets share; what is chosen stands in the address. */
import { setSearch, useSearch } from "../router";
import { useProtocols } from "./useMonitor";
import { zoneName } from "./words";

/** In the address: a parameter cannot be empty there, and no zone is called so. */
const NO_ZONE = "(none)";

/** Null: all zones; empty: assets without one. */
export function useZone(): string | null {
  const zone = useSearch().get("zone");
  return zone === NO_ZONE ? "" : zone;
}
export const zoneHref = (zone: string): string => `/assets?zone=${encodeURIComponent(zone || NO_ZONE)}`;

export function ZoneSelect({ zones }: { zones: string[] }) {
  const zone = useZone();
  if (zones.length < 2 && zone === null) return null;
  return (
    <label>
      Zone
      <select value={zone ?? "*"} onChange={(e) => setSearch({ zone: e.target.value === "*" ? null : e.target.value || NO_ZONE })}>
        <option value="*">All zones</option>
        {zones.map((z) => (
          <option key={z} value={z}>
            {zoneName(z)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function ProtocolSelect({ keys }: { keys: string[] }) {
  const { name } = useProtocols();
  const chosen = useSearch().get("protocol") ?? "";
  return (
    <label>
      Protocol
      <select value={chosen} onChange={(e) => setSearch({ protocol: e.target.value })}>
        <option value="">All protocols</option>
        {keys.map((key) => (
          <option key={key} value={key}>
            {name(key)}
          </option>
        ))}
      </select>
    </label>
  );
}
