/** The access token of this page: asked for by the session, kept in memory only. */

import { fetchInTime, readAnswer } from "./api";
import type { PageData } from "./page";
import { Problem, problemOf } from "./problem";
import { language } from "./text";

const EARLY_MS = 20_000; // a token is renewed this long before it ends

export class Login {
  readonly #page: PageData;
  #token = "";
  #endsAt = 0;
  #asking: Promise<string> | undefined;

  constructor(page: PageData) {
    this.#page = page;
  }

  /** Return an access token. Raises Problem `not_authenticated` for who has no session. */
  token(): Promise<string> {
    if (this.#token && Date.now() < this.#endsAt) return Promise.resolve(this.#token);
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Forget a token that was refused, unless there is a newer one already. */
  drop(token: string): void {
    if (this.#token === token) this.#token = "";
  }

  /** Return the id of who is logged in. */
  async userId(): Promise<string> {
    return subjectOf(await this.token());
  }

  /** Return the id of whom the login's cookie names, before any answer; `undefined`: it is not said. */
  shownUserId(): string | undefined {
    const [, user = ""] = (cookie(this.#page.login_cookie) ?? "").split(".");
    return uuidOf(user);
  }

  async #ask(): Promise<string> {
    const answer = (await this.#post()) as { access_token: string; expires_in: number };
    this.#token = answer.access_token;
    this.#endsAt = Date.now() + answer.expires_in * 1000 - EARLY_MS;
    return this.#token;
  }

  async #post(): Promise<unknown> {
    const { csrf_cookie, csrf_header, login_cookie, urls } = this.#page;
    const csrf = cookie(csrf_cookie);
    if (!csrf || !cookie(login_cookie)) throw new Problem("not_authenticated", 401);
    const headers = {
      Accept: "application/json",
      "Accept-Language": language,
      [csrf_header]: csrf,
    };
    const request: RequestInit = { method: "POST", headers, credentials: "same-origin" };
    try {
      return readAnswer(await fetchInTime(urls.token, request));
    } catch (error) {
      const problem = problemOf(error);
      // A session that has ended takes its CSRF token along: that is 403, and a login mends it.
      if (![401, 403].includes(problem.status)) throw problem;
      throw new Problem("not_authenticated", 401, problem.fields);
    }
  }
}

/** Return the value of a cookie that scripts may read. */
export function cookie(name: string): string | undefined {
  const pairs = document.cookie.split("; ").map((pair) => pair.split("="));
  const found = pairs.find(([key]) => key === name);
  return found ? decodeURIComponent(found.slice(1).join("=")) : undefined;
}

/** Return the user id that an access token names. */
export function subjectOf(token: string): string {
  const payload = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
  try {
    return String((JSON.parse(atob(payload)) as { sub?: string }).sub ?? "");
  } catch {
    return "";
  }
}

/** Return the id of 32 hexadecimal digits as one with dashes. */
export function uuidOf(digits: string): string | undefined {
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
