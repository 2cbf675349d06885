/** Certificates of servers that connections talk to (OPC UA): a person decides which are trusted. */
import { request } from "./http";
import type { Maybe } from "./types";

export interface Certificate {
  thumbprint: string;
  subject: string;
  uri?: Maybe<string>;
  from?: Maybe<number>;
  until?: Maybe<number>;
  standing: "trusted" | "rejected";
  /** Who showed it: a server that a connection goes to, or a client of our own OPC UA server. */
  of?: Maybe<"server" | "client">;
}
export interface Certificates {
  own: string;
  certificates: Certificate[];
}

export const certificates = {
  list: async (o: { signal?: AbortSignal | undefined } = {}): Promise<Certificates> => {
    const raw = await request<Partial<Certificates>>("GET", "/api/certificates", undefined, o);
    return { own: raw.own ?? "", certificates: Array.isArray(raw.certificates) ? raw.certificates : [] };
  },
  decide: (thumbprint: string, trusted: boolean) => request<Certificate>("PUT", `/api/certificates/${encodeURIComponent(thumbprint)}`, { trusted }),
};
