/** Who is signed in, what they may do, and what mode the gateway is in. */
import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api } from "./api/client";
import { setCsrf, type ApiError } from "./api/http";
import type { Role, Session } from "./api/types";
import { learnServerTime } from "./live/clock";
import { hub } from "./live/hub";

export const SESSION_KEY = ["session"] as const;

export function adopt(session: Session): Session {
  setCsrf(session.csrf ?? "");
  learnServerTime(session.server_time);
  return session;
}

export function useSessionQuery() {
  return useQuery<Session, ApiError>({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => adopt(await api.session({ signal })),
    retry: (count, error) => error.status === 0 && count < 2,
    refetchInterval: 15_000,
    staleTime: 5_000,
  });
}

/** After a sign-in: the old person's data is gone before the new one sees a page. */
export function enter(client: QueryClient, session: Session): void {
  client.removeQueries({ predicate: (q) => q.queryKey[0] !== SESSION_KEY[0] });
  hub.clear();
  client.setQueryData(SESSION_KEY, adopt(session));
}

export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await api.signOut();
    setCsrf("");
    client.removeQueries({ predicate: (q) => q.queryKey[0] !== SESSION_KEY[0] });
    await client.resetQueries({ queryKey: SESSION_KEY });
  };
}

const Context = createContext<Session | null>(null);
export const SessionProvider = Context.Provider;
export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("useSession outside of a session");
  return session;
}

const RANK: Record<Role, number> = { viewer: 0, operator: 1, engineer: 2, administrator: 3 };
export const ROLES: Role[] = ["viewer", "operator", "engineer", "administrator"];
export const ROLE_TEXT: Record<Role, string> = {
  viewer: "reads everything, changes nothing",
  operator: "reads, and writes points that allow it",
  engineer: "as operator; also pauses devices and destinations, sets secrets, makes tokens",
  administrator: "as engineer; also manages people",
};

export function atLeast(role: Role, least: Role): boolean {
  return (RANK[role] ?? 0) >= RANK[least];
}

/** Null when allowed, else the reason in words. */
export function useWhyNot(least: Role, what: string): string | null {
  const { user } = useSession();
  if (atLeast(user.role, least)) return null;
  return `You are signed in as ${user.role}. Only ${least === "administrator" ? "an administrator" : `${least} and above`} may ${what}.`;
}
