/** The one client of the API; its paths, bodies and answers are typed by docs/openapi.yml. */

import type { paths } from "../../generated/api";
import { serverClock } from "./clock";
import type { Login } from "./login";
import { type Fields, Problem, problemOf } from "./problem";
import { language } from "./text";
import { pause } from "./timers";

type Verb = "get" | "post" | "delete";
type PathOf<V extends Verb> = {
  [P in keyof paths]: paths[P] extends Record<V, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, V extends Verb> =
  paths[P] extends Record<V, infer O> ? O : never;
type Json<R> = R extends { content: { "application/json": infer J } } ? J : undefined;
type Success<R> = { [S in keyof R]: S extends 200 | 201 | 204 ? Json<R[S]> : never }[keyof R];
export type Answer<P extends keyof paths, V extends Verb> =
  Operation<P, V> extends {
    responses: infer R;
  }
    ? Success<R>
    : never;
type Body<P extends keyof paths> =
  Operation<P, "post"> extends {
    requestBody?: { content: { "application/json": infer B } };
  }
    ? B
    : never;

export interface Options {
  /** What stands in the braces of the path. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** The Idempotency-Key: only with one is a write sent again. */
  readonly key?: string;
  readonly queueToken?: string | undefined;
  /** Send no login: public documents, and polls by the join token alone. */
  readonly anonymous?: boolean;
  readonly signal?: AbortSignal;
  /** Seconds until a try is given up. */
  readonly seconds?: number;
  /** How many times at most the request is sent. */
  readonly tries?: number;
}

/** Return `seconds` (at least) with up to a quarter more, so that people don't come back together. */
export function jittered(seconds: number, random = Math.random()): number {
  return seconds * (1 + random / 4);
}

export class Api {
  readonly login: Login;

  constructor(login: Login) {
    this.login = login;
  }

  get<P extends PathOf<"get">>(path: P, options: Options = {}): Promise<Answer<P, "get">> {
    return this.#send("GET", path, undefined, options) as Promise<Answer<P, "get">>;
  }

  post<P extends PathOf<"post">>(
    path: P,
    body: Body<P>,
    options: Options = {},
  ): Promise<Answer<P, "post">> {
    return this.#send("POST", path, body, options) as Promise<Answer<P, "post">>;
  }

  delete<P extends PathOf<"delete">>(path: P, options: Options = {}): Promise<Answer<P, "delete">> {
    return this.#send("DELETE", path, undefined, options) as Promise<Answer<P, "delete">>;
  }

  async #send(method: string, path: string, body: unknown, options: Options): Promise<unknown> {
    const repeatable = method === "GET" || options.key !== undefined;
    const tries = repeatable ? (options.tries ?? 3) : 1;
    for (let nth = 1; ; nth += 1) {
      try {
        return await this.#sendWithLogin(method, path, body, options);
      } catch (error) {
        const problem = problemOf(error);
        if (nth >= tries || !problem.isPassing) throw problem;
        await pause(jittered(problem.retryAfter ?? 2 ** nth / 4) * 1000, options.signal);
      }
    }
  }

  /** A token that has ended meanwhile is renewed once: the API has done nothing by it. */
  async #sendWithLogin(method: string, path: string, body: unknown, options: Options) {
    if (options.anonymous) return sendOnce(method, path, body, options);
    const token = await this.login.token();
    try {
      return await sendOnce(method, path, body, options, token);
    } catch (error) {
      if (problemOf(error).status !== 401) throw error;
      this.login.drop(token);
      return sendOnce(method, path, body, options, await this.login.token());
    }
  }
}

async function sendOnce(
  method: string,
  path: string,
  body: unknown,
  options: Options,
  token?: string,
): Promise<unknown> {
  const headers: Record<string, string> = {
    Accept: "application/json",
    "Accept-Language": language,
  };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.key) headers["Idempotency-Key"] = options.key;
  if (options.queueToken) headers["X-Queue-Token"] = options.queueToken;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const request: RequestInit = { method, headers, credentials: "omit" };
  if (body !== undefined) request.body = JSON.stringify(body);
  return readAnswer(await fetchInTime(addressOf(path, options), request, options));
}

/** A response that is there as a whole. */
export interface Received {
  readonly response: Response;
  readonly body: string;
  /** When its first bytes came (device's clock, ms). */
  readonly at: number;
}

/**
 * Fetch a response to its last byte, or fail with `offline` or `timeout`.
 *
 * A body may stall like a beginning. An abort by the caller stays an abort.
 */
export async function fetchInTime(
  address: string,
  request: RequestInit,
  { signal, seconds = 10 }: Pick<Options, "signal" | "seconds"> = {},
): Promise<Received> {
  const controller = new AbortController();
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, seconds * 1000);
  const give = () => controller.abort(signal?.reason);
  if (signal?.aborted) give();
  signal?.addEventListener("abort", give);
  try {
    const response = await fetch(address, { ...request, signal: controller.signal });
    const at = Date.now();
    return { response, body: await response.text(), at };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(isLate ? "timeout" : "offline");
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener("abort", give);
  }
}

/** Return the JSON of a response; raises Problem for every refusal, of the API or of what stands before it. */
export function readAnswer({ response, body, at }: Received): unknown {
  const content = jsonOf(response, body);
  if (response.ok) {
    if (content && typeof content === "object" && "as_of" in content) {
      serverClock.observe(Date.parse(String(content.as_of)), at);
    }
    return content;
  }
  const fields = (content && typeof content === "object" ? content : {}) as Fields;
  const code = typeof fields.code === "string" ? fields.code : codeOf(response.status);
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  throw new Problem(code, response.status, fields, Number.isFinite(seconds) ? seconds : undefined);
}

function jsonOf(response: Response, body: string): unknown {
  if (response.status === 204) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    // A connection that breaks in the middle of an answer, or a page of some box in between.
    if (response.ok) throw new Problem("offline");
    return undefined;
  }
}

function codeOf(status: number): string {
  if (status === 429) return "rate_limited";
  return status >= 502 ? "unavailable" : "internal_error";
}

function addressOf(path: string, { params = {}, query }: Options): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const asked = Object.entries(query ?? {}).map(([name, value]) => `${name}=${encoded(value)}`);
  return asked.length > 0 ? `${filled}?${asked.join("&")}` : filled;
}

/** Return a value in the one spelling that the gateway keeps: RFC 3986's unreserved characters, else bytes. */
export function encoded(value: string): string {
  const byte = (sign: string) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(value).replace(/[!'()*]/g, byte);
}
