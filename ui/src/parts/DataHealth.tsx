/** Whether the data can be trusted: links, quality, what waits, disk, clock. Each fact is coloured only when it is not as it should be. */
import type { DataHealth } from "../api/types";
import { formatBytes, formatCount, formatNumber, formatPercent } from "../format/number";
import { formatDuration } from "../format/time";
import { Link } from "../router";
import { Fact, Facts, Panel } from "./Page";
import { Term } from "./Term";
import type { Tone } from "./Status";

const over = (n: number | null | undefined, attention: number, alarm: number): Tone =>
  n === null || n === undefined ? "normal" : n >= alarm ? "alarm" : n >= attention ? "attention" : "normal";
const under = (n: number | null | undefined, attention: number, alarm: number): Tone =>
  n === null || n === undefined ? "normal" : n <= alarm ? "alarm" : n <= attention ? "attention" : "normal";

export function DataHealthPanel({ health: h }: { health: DataHealth }) {
  const c = h.connections ?? {};
  const p = h.points ?? {};
  const clockOff = h.clock?.offset_ms;
  return (
    <Panel title="Data health" id="data-health">
      <Facts>
        <Fact name={<Link to="/connections">Connections</Link>} tone={c.lost ? "alarm" : "normal"}>
          {formatCount(c.connected)} of {formatCount(c.total)} connected
          {c.lost ? `, ${formatCount(c.lost)} lost` : ""}
          {c.paused ? `, ${formatCount(c.paused)} paused` : ""}
        </Fact>
        <Fact name={<Term k="quality">Good values</Term>} tone={under(h.good_percent, 99.5, 90)}>
          {formatPercent(h.good_percent)} of {formatCount(p.total)} points
          {p.bad || p.uncertain ? (
            <>
              {"; "}
              <Link to="/namespace?quality=bad">{formatCount(p.bad)} bad</Link>
              {p.uncertain ? `, ${formatCount(p.uncertain)} uncertain` : ""}
            </>
          ) : null}
        </Fact>
        <Fact name="Values recorded">{h.rate_per_s === null || h.rate_per_s === undefined ? "–" : `${formatNumber(h.rate_per_s, 4)} /s`}</Fact>
        <Fact name={<Link to="/destinations">Oldest unsent value</Link>} tone={over(h.oldest_unsent_s, 60, 3600)}>
          {h.oldest_unsent_s === null || h.oldest_unsent_s === undefined ? "nothing waits" : `${formatDuration(h.oldest_unsent_s)} old`}
        </Fact>
        <Fact name={<Term k="outage">Outage that still fits</Term>} tone={under(h.outage_hours, 24, 4)}>
          {h.outage_hours === null || h.outage_hours === undefined ? "–" : formatDuration(h.outage_hours * 3600)}
        </Fact>
        <Fact name="Disk lasts for" tone={under(h.disk_days_left, 30, 7)}>
          {h.disk_days_left === null || h.disk_days_left === undefined ? "not known yet" : formatDuration(h.disk_days_left * 86400)}
          {h.disk ? `; ${formatBytes(h.disk.used_bytes)} used, ${formatBytes(h.disk.free_bytes)} free` : ""}
        </Fact>
        <Fact
          name={<Term k="clockOffset">Clock</Term>}
          tone={h.clock && h.clock.synchronised === false ? "attention" : over(Math.abs(clockOff ?? 0), 100, 1000)}
        >
          {h.clock ? (h.clock.synchronised ? "synchronised" : "not synchronised") : "–"}
          {clockOff === null || clockOff === undefined ? "" : `, offset ${formatNumber(clockOff, 3)} ms`}
        </Fact>
        <Fact name={<Term k="journal">Journal</Term>} tone={h.journal?.state === "failing" ? "alarm" : h.journal?.state === "slow" ? "attention" : "normal"}>
          {h.journal ? `${h.journal.state ?? ""}${h.journal.text ? `: ${h.journal.text}` : ""}` : "–"}
        </Fact>
        <Fact name={<Link to="/monitor">Monitor coverage</Link>}>{h.monitor_coverage ?? "no monitor is set up"}</Fact>
      </Facts>
    </Panel>
  );
}
