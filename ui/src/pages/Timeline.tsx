import { Page } from "../parts/Page";
import { TimelinePanel } from "../timeline/TimelinePanel";

export function Timeline() {
  return (
    <Page title="Timeline" lead={<p>Alarms, findings, faults, commands, sign-ins and changes in one line: what came before what.</p>}>
      <TimelinePanel />
    </Page>
  );
}
