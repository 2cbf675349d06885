import { Page } from "../parts/Page";
import { Link } from "../router";

export function NotFound() {
  return (
    <Page title="No such page">
      <p>
        The address is wrong or old. Go to the <Link to="/">Overview</Link>, or press / to search for a point.
      </p>
    </Page>
  );
}
