import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { config, type Edit } from "../api/config";
import { Diff } from "../config/Diff";
import { Mistakes } from "../config/Mistakes";
import { ErrorBox, Guard } from "../parts/Messages";
import { Link } from "../router";

/** A measurement as a file of the plant: its difference to what is there, saved only when a person says so. */
export function MeasuredFile({ name, text }: { name: string; text: string }) {
  const client = useQueryClient();
  const q = useQuery({
    queryKey: ["config-file", name, text],
    queryFn: async () => {
      const { files } = await config.files();
      const there = files.some((f) => f.name === name) ? await config.file(name) : null;
      const edits: Edit[] = [{ name, text, version: there?.version ?? null }];
      return { edits, same: there?.text === text, findings: await config.check(edits) };
    },
    refetchOnWindowFocus: false,
  });
  const save = useMutation({
    mutationFn: (edits: Edit[]) => config.save(edits),
    onSuccess: () => Promise.all(["config-files", "config-file", "plan"].map((k) => client.invalidateQueries({ queryKey: [k] }))),
  });
  return (
    <Guard query={q} what={name}>
      {q.data?.same ? (
        <p>
          This measurement stands in <Link to={`/configuration?file=${encodeURIComponent(name)}`}>{name}</Link>. It takes effect when it is applied, on the page{" "}
          <Link to="/configuration">Configuration</Link>; remove the file there to plan without it.
        </p>
      ) : (
        <>
          <Mistakes mistakes={q.data?.findings.mistakes ?? []} />
          {q.data?.findings.changes.map((c) => <Diff key={c.name} text={c.diff} label={`What changes in ${c.name}`} />)}
          {save.error && <ErrorBox error={save.error} />}
          <div className="actions">
            <button
              type="button"
              className="primary"
              disabled={save.isPending || !q.data || q.data.findings.mistakes.length > 0}
              onClick={() => q.data && save.mutate(q.data.edits)}
            >
              Save as {name}
            </button>
            <span className="quiet">Nothing changes before it is saved and applied.</span>
          </div>
        </>
      )}
    </Guard>
  );
}
