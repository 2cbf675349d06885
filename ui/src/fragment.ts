/** One-time tokens come behind `#`, which is never sent to a server or a proxy. Read once, then gone from the address bar. */
function takeFragment(): string {
  const one_time = location.pathname === "/setup" || location.pathname === "/link";
  if (!one_time || location.hash.length < 2) return "";
  const token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}

let token = takeFragment();

// A second link pasted into the same tab changes only the fragment, which does not load the page again.
window.addEventListener("hashchange", () => {
  const next = takeFragment();
  if (next) {
    token = next;
    location.reload();
  }
});

export function oneTimeToken(): string {
  return token;
}
export function forgetOneTimeToken(): void {
  token = "";
}
