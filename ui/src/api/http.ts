/** One door to the gateway: JSON in, JSON out, every failure an `ApiError` in three parts. */
import { harmlessDeep } from "../format/foreign";

export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when the gateway was not reached. */
    readonly status: number,
    readonly code: string,
    /** What happened. */
    readonly title: string,
    /** What it means for the plant. */
    readonly meaning: string,
    /** The next step. */
    readonly next: string,
  ) {
    super(title);
    this.name = "ApiError";
  }
}

const UNREACHABLE = () =>
  new ApiError(
    0,
    "unreachable",
    "This page cannot reach the gateway.",
    "The plant is not affected: reading and recording go on inside the gateway. What you see here is old.",
    "Check the network between this screen and the gateway. The page tries again by itself.",
  );

let csrf = "";
/** The token of the session, sent with every request that changes something. */
export function setCsrf(token: string): void {
  csrf = token;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
}

/** Sends one request and returns the raw response; throws `ApiError` for anything that is not 2xx. */
export async function send(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf) headers["x-csrf-token"] = csrf;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw UNREACHABLE();
  }
  if (!response.ok) throw await toError(response);
  return response;
}

/** What people edit and save must stay as it is. All other texts may come from a device, a broker or an order. */
const EDITED = ["/api/config", "/api/discover", "/api/import", "/api/browse"];

export async function request<T>(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
  const response = await send(method, path, body, options);
  if (response.status === 204) return {} as T;
  const text = await response.text();
  if (text === "") return {} as T;
  try {
    const answer = JSON.parse(text) as T;
    return EDITED.some((edited) => path.startsWith(edited)) ? answer : harmlessDeep(answer);
  } catch {
    throw new ApiError(
      response.status,
      "not-json",
      "The gateway answered something this page does not understand.",
      "The plant is not affected.",
      "Reload the page: it may be older than the gateway.",
    );
  }
}

async function toError(response: Response): Promise<ApiError> {
  let detail: { code?: string; title?: string; meaning?: string; next?: string } = {};
  try {
    const body = (await response.json()) as { error?: typeof detail } | null;
    detail = body?.error ?? {};
  } catch {
    // A proxy or a crash answers without JSON; the status alone has to do.
  }
  return new ApiError(
    response.status,
    detail.code ?? `http-${response.status}`,
    detail.title ?? `The gateway refused the request (HTTP ${response.status}).`,
    detail.meaning ?? "Nothing was changed.",
    detail.next ?? "Try again; if it stays, look at the log of the gateway.",
  );
}

/** Any thrown thing as the three parts. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new ApiError(0, "page", "This page made a mistake.", "The plant is not affected.", `Reload the page. For the report: ${text}`);
}

/** `?a=1&b=2` without the empty ones. */
export function query(parameters: Record<string, string | number | boolean | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}
