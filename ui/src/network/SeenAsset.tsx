/** One device on the network: what it said of itself and in which packet, whom it talks to, what of it was touched, what was found. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { monitor, type AssetRow, type Evidence, type SeenAsset } from "../api/monitor";
import { DraftView } from "../discover/DraftView";
import { formatCount, plural } from "../format/number";
import { ConfirmAct } from "../parts/Dialog";
import { GatedButton } from "../parts/Gate";
import { Empty, ErrorBox, Guard } from "../parts/Messages";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { Link, navigate } from "../router";
import { useWhyNot } from "../session";
import { TimelinePanel } from "../timeline/TimelinePanel";
import { AssetDialog } from "./AssetDialog";
import { FindingTable } from "./FindingTable";
import { LinkTable, PointTable } from "./LinkTables";
import { Counted, Foreign, Protocols, WithMonitor, Worst } from "./Parts";
import { COUNTS_MS, useRenewal } from "./useMonitor";
import { identity, levelName, zoneName } from "./words";

export function SeenAssetPage({ id }: { id: string }) {
  useRenewal("assets", "links", "findings");
  const q = useQuery({ queryKey: ["monitor-lists", "asset", id], queryFn: ({ signal }) => monitor.asset(id, { signal }), refetchInterval: COUNTS_MS });
  const asset = q.data?.asset;
  return (
    <Page
      title={asset?.name || id}
      lead={
        <p>
          <Link to="/assets">Assets</Link>: <Foreign>{asset ? [asset.own ? "this gateway" : asset.role_words, identity(asset)].filter(Boolean).join(", ") : id}</Foreign>
        </p>
      }
    >
      <WithMonitor empty={false}>
        {() => (
          <Guard query={q} what="the asset">
            {q.data && <Body seen={q.data} />}
          </Guard>
        )}
      </WithMonitor>
    </Page>
  );
}

function Body({ seen }: { seen: SeenAsset }) {
  const { asset, links, points, findings } = seen;
  return (
    <>
      <What seen={seen} />
      <Identity seen={seen} />
      <Panel title="Findings" id="findings">
        {findings.length === 0 ? <p>None. What that is worth says the coverage above.</p> : <FindingTable findings={findings} />}
      </Panel>
      <Panel title="Who talks to it" id="links" aside={<Counted what={plural(links.length, "link")} />}>
        {links.length === 0 ? <p>No conversation was seen: only packets to everybody, or packets without an answer.</p> : <LinkTable links={links} about={asset.id} />}
      </Panel>
      <Panel title="Data touched" id="points" aside={<Counted what={plural(points.length, "entry", "entries")} />}>
        {points.length === 0 ? (
          <p>{asset.serves.length > 0 ? "No message that names data of it was seen yet." : "It answers in no protocol that names data."}</p>
        ) : (
          <PointTable points={points} />
        )}
      </Panel>
      <TimelinePanel about={asset.id} />
    </>
  );
}

function What({ seen: { asset: a, draft } }: { seen: SeenAsset }) {
  const client = useQueryClient();
  const why = useWhyNot("engineer", "approve and describe assets");
  const [open, setOpen] = useState<"edit" | "forget" | "draft" | null>(null);
  const approve = useMutation({
    mutationFn: () => monitor.change(a.id, { approved: !a.approved }),
    onSettled: () => client.invalidateQueries({ queryKey: ["monitor-lists"] }),
  });
  return (
    <>
      <Panel
        title="What it is"
        id="what"
        aside={
          <div className="actions">
            <GatedButton why={why} onClick={() => approve.mutate()} {...(a.approved ? {} : { className: "primary" })}>
              {a.approved ? "Take the approval back" : "Approve"}
            </GatedButton>
            <GatedButton why={why} quietReason onClick={() => setOpen("edit")}>
              Name, zone, note
            </GatedButton>
            {draft.length > 0 && !a.connection && !a.own && (
              <GatedButton why={why} quietReason onClick={() => setOpen("draft")}>
                Draft a connection
              </GatedButton>
            )}
            {a.live === false && (
              <GatedButton why={why} quietReason onClick={() => setOpen("forget")}>
                Forget
              </GatedButton>
            )}
          </div>
        }
      >
        {approve.error && <ErrorBox error={approve.error} />}
        <Facts>
          <Fact name={<Term k="approved">Approved</Term>}>{a.approved ? "yes" : <Status tone="off">not yet</Status>}</Fact>
          <Fact name="Role">
            {a.own ? "this gateway" : a.role_words} <span className="quiet">by what it does</span>
          </Fact>
          <Fact name={<Term k="zone" />}>
            {zoneName(a.zone)} {a.zone && <Basis given={a.zone_given} />}
          </Fact>
          <Fact name={<Term k="purdue" />}>
            {levelName(a.level)} {a.level !== null && <Basis given={a.level_given} />}
          </Fact>
          <Fact name="Addresses">
            <span className="mono">{a.addresses.join(", ") || "none: it speaks below IP only"}</span>
          </Fact>
          <Fact name="Network cards">
            <span className="mono">{a.macs.join(", ") || "not seen"}</span>
            {a.card ? ` by ${a.card}` : ""}
            {a.vlan ? `, VLAN ${a.vlan}` : ""}
          </Fact>
          <Fact name="Answers in">
            <Protocols keys={a.serves} />
          </Fact>
          <Fact name="Asks in">
            <Protocols keys={a.asks} />
          </Fact>
          <Fact name="Connection">{a.connection ? <Link to={`/connections?name=${encodeURIComponent(a.connection)}`}>{a.connection}</Link> : "none of this plant"}</Fact>
          <Fact name="Packets">
            {formatCount(a.sent)} sent, {formatCount(a.received)} received
          </Fact>
          <Fact name="Seen">
            first <Time ms={a.first} />, last <Time ms={a.last} age />
            {a.live === false ? "; not since the monitor started" : ""}
          </Fact>
          <Fact name="Open findings">
            <Worst findings={a.findings} worst={a.worst} />
          </Fact>
        </Facts>
        {a.note && (
          <div className="note">
            <b>Note:</b> {a.note}
          </div>
        )}
      </Panel>
      {open === "edit" && <AssetDialog asset={a} onClose={() => setOpen(null)} />}
      {open === "forget" && <Forget asset={a} onClose={() => setOpen(null)} />}
      {open === "draft" && <DraftPanel id={a.id} kinds={draft} onClose={() => setOpen(null)} />}
    </>
  );
}

const Basis = ({ given }: { given: boolean | null | undefined }) => <span className="quiet">{given ? "given by a person" : "guessed"}</span>;

function Forget({ asset, onClose }: { asset: AssetRow; onClose: () => void }) {
  return (
    <ConfirmAct
      title={`Forget ${asset.name || asset.id}?`}
      action="Forget it"
      act={async () => {
        await monitor.forget(asset.id);
        navigate("/assets");
      }}
      renews="monitor-lists"
      onClose={onClose}
    >
      <p>Its name, note, zone and approval are removed, with its links and the data touched. Its findings stay. Should it be seen again, it is a new asset.</p>
    </ConfirmAct>
  );
}

function DraftPanel({ id, kinds, onClose }: { id: string; kinds: string[]; onClose: () => void }) {
  const [kind, setKind] = useState(kinds[0] ?? "");
  const draft = useMutation({ mutationFn: () => monitor.draft(id, { kind }) });
  return (
    <Panel
      title={`Draft of a connection to ${id}`}
      id="draft"
      aside={
        <button type="button" onClick={onClose}>
          Close
        </button>
      }
    >
      <p>
        Made of what was seen on the wire; nothing is asked of the device. A <Term k="draft">draft</Term> changes nothing by itself.
      </p>
      <div className="form-row">
        <label>
          Kind{" "}
          <select value={kind} onChange={(e) => setKind(e.target.value)}>
            {kinds.map((k) => (
              <option key={k}>{k}</option>
            ))}
          </select>
        </label>
        <button type="button" className="primary" disabled={draft.isPending} onClick={() => draft.mutate()}>
          Draft it
        </button>
      </div>
      {draft.error && <ErrorBox error={draft.error} />}
      {draft.data && <DraftView draft={draft.data} />}
    </Panel>
  );
}

/** In Wireshark the packet is found by this number, if the same interface was captured since. */
export const packetName = (e: Evidence | null | undefined) => (e ? `${e.interface}, packet ${formatCount(e.packet)}` : "–");

const FIELDS: Record<string, string> = { vendor: "Vendor", model: "Model", firmware: "Firmware", serial: "Serial number", name: "Name", description: "Description" };

function Identity({ seen: { asset, facts } }: { seen: SeenAsset }) {
  return (
    <Panel title="What it said of itself" id="identity">
      {facts.length === 0 ? (
        <Empty title="It has not said who it is.">
          <p>
            Devices tell it when they are asked, as engineering tools and inventory do. To ask it now, carefully: <Link to="/discover">Discover</Link>.
          </p>
        </Empty>
      ) : (
        <>
          <Table
            caption={`What ${asset.name || asset.id} said of itself`}
            rows={facts}
            rowKey={(f) => `${f.field} ${f.value} ${f.source}`}
            columns={[
              { head: "What", label: "What", cell: (f) => FIELDS[f.field] ?? f.field },
              { head: "It says", label: "It says", wide: true, cell: (f) => <Foreign>{f.value}</Foreign> },
              { head: "Learned from", label: "Learned from", cell: (f) => f.source },
              { head: "In packet", label: "In packet", cell: (f) => packetName(f.evidence) },
            ]}
          />
          <p className="hint">Nobody checks what a device says of itself.</p>
        </>
      )}
    </Panel>
  );
}
