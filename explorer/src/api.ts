/** The API as the explorer calls it: reading calls of one website, with typed answers. */

import type { paths } from "analytics-sessions/openapi";
import { restClient } from "analytics-sessions/rest";
import { type Problem, problemOf, unreachable } from "./problems.ts";

const SESSIONS = "/api/websites/{website_id}/sessions";

/** The calls, by what stands behind `/sessions` in their paths. */
export type Call =
  | ""
  | "/{session_id}"
  | ":summarize"
  | ":timeseries"
  | ":breakdown"
  | ":funnel"
  | ":flows"
  | ":transitions"
  | ":cohorts"
  | ":patterns";

type Get<C extends Call> = paths[`${typeof SESSIONS}${C}`]["get"];
type Parameters<C extends Call> = Get<C>["parameters"];
/** The parameters of a call. */
export type Query<C extends Call> = NonNullable<Parameters<C>["query"]>;
/** What a call answers. */
export type Answer<C extends Call> = Get<C>["responses"][200]["content"]["application/json"];

/** A call failed. */
export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.text);
  }
}

interface Reply {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}

export class Api {
  readonly #rest;

  constructor(
    private readonly key: string,
    readonly websiteId: string,
  ) {
    const { protocol, hostname, port } = window.location;
    const usual = protocol === "https:" ? 443 : 80;
    this.#rest = restClient({ address: `${protocol}//${hostname}:${port || usual}`, key });
  }

  /** The answer of a call; throws Failed. `path` has what the path takes besides the website. */
  async get<C extends Call>(
    call: C,
    query: Query<C>,
    signal?: AbortSignal,
    path: Record<string, string> = {},
  ): Promise<Answer<C>> {
    // For a path that is generic the client's own types are too deep for the compiler.
    const get = this.#rest.GET as (path: string, options: object) => Promise<Reply>;
    const params = { path: { website_id: this.websiteId, ...path }, query };
    const { data, error, response } = await reached(
      get(SESSIONS + call, { params, signal, baseUrl: base() }),
      signal,
    );
    if (!response.ok) throw new Failed(problemOf(response.status, response.headers, error));
    return data as Answer<C>;
  }

  /** All sessions of a query as a file; throws Failed, also when the stream breaks off. */
  async export(query: object, signal: AbortSignal): Promise<Blob> {
    const headers = { authorization: `Bearer ${this.key}` };
    const url = this.url(":export", query);
    const response = await reached(fetch(url, { headers, signal }), signal);
    if (!response.ok) {
      const body: unknown = await response.json().catch(() => null);
      throw new Failed(problemOf(response.status, response.headers, body));
    }
    return reached(response.blob(), signal);
  }

  /** The address of a call, for a command to copy. */
  url(call: Call | ":export" | `/${string}`, query: object): string {
    const path = `${SESSIONS}${call}`.replace("{website_id}", encodeURIComponent(this.websiteId));
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const each of [value].flat()) parameters.append(name, String(each));
    }
    const text = parameters.toString();
    return `${base()}${path}${text && `?${text}`}`;
  }
}

/** Where the page came from, also below a prefix. */
function base(): string {
  return new URL(".", window.location.href).href.replace(/\/$/, "");
}

async function reached<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failed(unreachable());
  }
}
