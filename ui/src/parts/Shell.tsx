/** The frame around every page: who, where, which mode, how fresh; and the way to everything. */
import { useEffect, useRef, useState, type ReactNode } from "react";
import { formatClock, formatDuration, zoneName } from "../format/time";
import { useNow } from "../live/clock";
import { hub } from "../live/hub";
import { useLiveStatus } from "../live/useLive";
import { Link, usePathname } from "../router";
import { useSession } from "../session";
import { useShortcuts } from "../shortcuts";
import { ModeBadge } from "./ModeBadge";

const GROUPS: { name: string; pages: { to: string; text: string; also?: string }[] }[] = [
  {
    name: "Plant",
    pages: [
      { to: "/", text: "Overview" },
      { to: "/namespace", text: "Namespace", also: "/point" },
      { to: "/commands", text: "Commands" },
      { to: "/orders", text: "Orders" },
      { to: "/events", text: "Events" },
      { to: "/timeline", text: "Timeline" },
      { to: "/query", text: "Query" },
    ],
  },
  {
    name: "Network",
    pages: [
      { to: "/findings", text: "Findings" },
      { to: "/assets", text: "Assets" },
      { to: "/network", text: "Network map" },
      { to: "/monitor", text: "Monitor" },
    ],
  },
  {
    name: "Gateway",
    pages: [
      { to: "/connections", text: "Connections" },
      { to: "/destinations", text: "Destinations" },
      { to: "/discover", text: "Discover" },
      { to: "/configuration", text: "Configuration" },
      { to: "/audit", text: "Audit" },
      { to: "/users", text: "Users, tokens, secrets" },
      { to: "/programs", text: "For other programs" },
      { to: "/words", text: "Words explained" },
    ],
  },
];

export function Shell({ children, sessionError }: { children: ReactNode; sessionError: boolean }) {
  const session = useSession();
  const pathname = usePathname();
  const main = useRef<HTMLElement>(null);
  const [open, setOpen] = useState(false);
  const first = useRef(true);
  const old = useLiveStatus() === "lost" || sessionError;
  useShortcuts();

  // A new page starts at its beginning, for readers of the screen too.
  useEffect(() => {
    setOpen(false);
    if (first.current) first.current = false;
    // … unless the page has put the focus somewhere inside itself.
    else if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <div className={old ? "shell values-old" : "shell"}>
      <a className="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          Ironbridge
        </Link>
        <span className="site">
          {session.site?.enterprise}
          {session.site?.site ? ` / ${session.site.site}` : ""}
        </span>
        <ModeBadge mode={session.mode} />
        {old && <LinkLost />}
        <Clock />
        <Link to="/account" className="who">
          {session.user.name}, {session.user.role}
        </Link>
        <button type="button" className="menu-button" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)}>
          Menu
        </button>
      </header>
      <nav id="nav" aria-label="Pages" className={open ? "nav open" : "nav"}>
        <div className="nav-groups">
          {GROUPS.map((group) => (
            <section key={group.name} aria-label={group.name}>
              <p className="nav-group" aria-hidden="true">
                {group.name}
              </p>
              <ul>
                {group.pages.map((p) => {
                  const here = p.to === "/" ? pathname === "/" : pathname.startsWith(p.to) || (p.also ? pathname.startsWith(p.also) : false);
                  return (
                    <li key={p.to}>
                      <Link to={p.to} aria-current={here ? "page" : undefined}>
                        {p.text}
                      </Link>
                    </li>
                  );
                })}
              </ul>
            </section>
          ))}
          <p className="only-narrow">
            <Link to="/account">Account and display</Link>
          </p>
          <p className="version">Version {session.version}</p>
        </div>
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Clock() {
  const now = useNow();
  return (
    <span className="clock" title="The gateway's time in your zone">
      {formatClock(now)} {zoneName(now)}
    </span>
  );
}

/** Quiet while values flow; loud when they do not, because old values look like new ones. */
function LinkLost() {
  useNow();
  const since = hub.lostSince ? ` for ${formatDuration(Math.floor((Date.now() - hub.lostSince) / 1000))}` : "";
  return (
    <span className="live-lost" title="The plant is not affected. The page tries again by itself.">
      <span role="alert">Values are old: no link to the gateway</span>
      {since}
    </span>
  );
}
