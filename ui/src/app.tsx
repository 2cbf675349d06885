import { lazy, Suspense, type ComponentType } from "react";
import { Loading, ErrorBox } from "./parts/Messages";
import { Shell } from "./parts/Shell";
import { Boundary } from "./parts/Boundary";
import { Account } from "./pages/Account";
import { Asset } from "./pages/Asset";
import { Audit } from "./pages/Audit";
import { Commands } from "./pages/Commands";
import { Connections } from "./pages/Connections";
import { Destinations } from "./pages/Destinations";
import { Discover } from "./pages/Discover";
import { Events } from "./pages/Events";
import { LinkSignIn } from "./pages/LinkSignIn";
import { Namespace } from "./pages/Namespace";
import { Orders } from "./pages/Orders";
import { NotFound } from "./pages/NotFound";
import { Overview } from "./pages/Overview";
import { Programs } from "./pages/Programs";
import { SetupNeeded, SignIn } from "./pages/SignIn";
import { Setup } from "./pages/Setup";
import { Users } from "./pages/Users";
import { Words } from "./pages/Words";
import { tail, usePathname } from "./router";
import { SessionProvider, useSessionQuery } from "./session";

// Pages with charts, editors and maps, and those about the network, are loaded when they are first opened.
const Assets = lazy(() => import("./pages/Assets").then((m) => ({ default: m.Assets })));
const Configuration = lazy(() => import("./pages/Configuration").then((m) => ({ default: m.Configuration })));
const Findings = lazy(() => import("./pages/Findings").then((m) => ({ default: m.Findings })));
const Monitor = lazy(() => import("./pages/Monitor").then((m) => ({ default: m.Monitor })));
const NetworkMap = lazy(() => import("./pages/NetworkMap").then((m) => ({ default: m.NetworkMap })));
const Point = lazy(() => import("./pages/Point").then((m) => ({ default: m.Point })));
const Query = lazy(() => import("./pages/Query").then((m) => ({ default: m.Query })));
const Timeline = lazy(() => import("./pages/Timeline").then((m) => ({ default: m.Timeline })));

const PLAIN: Record<string, ComponentType> = {
  "/": Overview,
  "/assets": Assets,
  "/findings": Findings,
  "/monitor": Monitor,
  "/network": NetworkMap,
  "/timeline": Timeline,
  "/connections": Connections,
  "/commands": Commands,
  "/configuration": Configuration,
  "/destinations": Destinations,
  "/discover": Discover,
  "/events": Events,
  "/orders": Orders,
  "/query": Query,
  "/audit": Audit,
  "/users": Users,
  "/programs": Programs,
  "/words": Words,
  "/account": Account,
};

export function App() {
  const pathname = usePathname();
  const session = useSessionQuery();
  if (pathname === "/setup") return <Setup />;
  if (pathname === "/link") return <LinkSignIn />;
  if (session.error?.status === 401) return session.error.code === "setup-needed" ? <SetupNeeded /> : <SignIn />;
  if (!session.data) {
    return (
      <main className="plain">{session.error ? <ErrorBox error={session.error} onRetry={() => void session.refetch()} /> : <Loading what="the session" />}</main>
    );
  }
  return (
    <SessionProvider value={session.data}>
      <Shell sessionError={session.error !== null}>
        <Boundary key={pathname}>
          <Suspense fallback={<Loading what="the page" />}>
            <Route pathname={pathname} />
          </Suspense>
        </Boundary>
      </Shell>
    </SessionProvider>
  );
}

function Route({ pathname }: { pathname: string }) {
  if (pathname.startsWith("/point/")) {
    const path = tail(pathname, "/point");
    return <Point key={path} path={path} />;
  }
  if (pathname.startsWith("/asset/")) {
    const path = tail(pathname, "/asset");
    return <Asset key={path} path={path} />;
  }
  if (pathname === "/namespace" || pathname.startsWith("/namespace/")) return <Namespace prefix={tail(pathname, "/namespace")} />;
  if (pathname === "/signin") return <Overview />;
  const Plain = PLAIN[pathname.replace(/\/$/, "") || "/"];
  return Plain ? <Plain /> : <NotFound />;
}
