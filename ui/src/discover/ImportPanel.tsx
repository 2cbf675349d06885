import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState, type FormEvent } from "react";
import { discovery } from "../api/discover";
import { formatBytes } from "../format/number";
import { Field } from "../parts/Field";
import { ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { DraftView } from "./DraftView";
import { toBase64 } from "./base64";

const LARGEST = 8 * 1024 * 1024;

/** Tag lists that the plant has already: a file in, a draft out. */
export function ImportPanel() {
  const q = useQuery({ queryKey: ["import-formats"], queryFn: ({ signal }) => discovery.formats({ signal }), staleTime: 300_000 });
  const formats = q.data ?? [];
  const [format, setFormat] = useState("");
  const chosen = formats.find((f) => f.name === format) ?? formats[0];
  const [kind, setKind] = useState("");
  const [name, setName] = useState("");
  const [host, setHost] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [tried, setTried] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const problem = file === null ? "Choose the file." : file.size > LARGEST ? `${formatBytes(file.size)}: at most ${formatBytes(LARGEST)}.` : null;
  const run = useMutation({
    mutationFn: async (of: File) =>
      discovery.import({
        format: chosen?.name ?? "",
        file: of.name,
        data: toBase64(new Uint8Array(await of.arrayBuffer())),
        ...(kind ? { kind } : {}),
        ...(name.trim() ? { name: name.trim() } : {}),
        ...(host.trim() ? { host: host.trim() } : {}),
      }),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (file !== null && problem === null) run.mutate(file);
  };
  if (q.data?.length === 0) return null;
  return (
    <Panel title="Import a tag list or a model" id="import">
      <p>
        Lists that engineering tools or other gateways export become the draft of a connection; models (Asset Administration Shells, OPC UA NodeSet2) become drafts of types and assets. What could not be taken over is said.
      </p>
      <Guard query={q} what="the formats">
        <form className="stack" onSubmit={submit}>
          <div className="form-row">
            <Field label="Format" hint={<Prose>{chosen?.text}</Prose>}>
              <select value={chosen?.name ?? ""} onChange={(e) => (setFormat(e.target.value), setKind(""))}>
                {formats.map((f) => (
                  <option key={f.name} value={f.name}>
                    {f.title}
                  </option>
                ))}
              </select>
            </Field>
            <Field label="File" problem={tried ? problem : null}>
              <input ref={input} type="file" accept={chosen?.files?.replaceAll("*", "") ?? ""} onChange={(e) => setFile(e.target.files?.[0] ?? null)} />
            </Field>
            {(chosen?.kinds.length ?? 0) > 1 && (
              <Field label="Kind of connection">
                <select value={kind} onChange={(e) => setKind(e.target.value)}>
                  <option value="">as the file says</option>
                  {chosen?.kinds.map((k) => (
                    <option key={k}>{k}</option>
                  ))}
                </select>
              </Field>
            )}
            {chosen?.kinds.length !== 0 && (
              <>
                <Field label="Name" hint="Of the connection.">
                  <input value={name} placeholder="line-1" onChange={(e) => setName(e.target.value)} />
                </Field>
                <Field label="Host" hint="Address of the device.">
                  <input value={host} placeholder="10.20.1.11" onChange={(e) => setHost(e.target.value)} />
                </Field>
              </>
            )}
          </div>
          {run.error && <ErrorBox error={run.error} />}
          <div className="actions">
            <button type="submit" className="primary" disabled={run.isPending}>
              Draft from the file
            </button>
          </div>
        </form>
      </Guard>
      {run.data && <DraftView draft={run.data} />}
    </Panel>
  );
}
