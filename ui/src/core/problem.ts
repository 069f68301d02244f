/** Refusals of the API and of the network, and the words for them. */

import { type Text, text } from "./text";

export type Words = Readonly<Record<string, Text>>;
/** What a problem document says beside its code. */
export type Fields = Readonly<Record<string, unknown>>;

/** A request that was refused, or that no answer came to (`offline`, `timeout`). */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  /** Seconds to wait before the next try, where the server says so. */
  readonly retryAfter: number | undefined;
  readonly fields: Fields;

  constructor(code: string, status = 0, fields: Fields = {}, retryAfter?: number) {
    super(code);
    this.code = code;
    this.status = status;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may do better a little later. */
  get isPassing(): boolean {
    if (this.code === "hold_backoff") return false;
    const passing = ["offline", "timeout", "idempotency_in_progress"].includes(this.code);
    return passing || [429, 502, 503, 504].includes(this.status);
  }
}

/** Return what a failure was; what is no problem goes on as a fault of the script. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}

const COMMON: Words = {
  offline: {
    ko: "인터넷에 연결되어 있지 않습니다. 연결되면 자동으로 이어집니다.",
    en: "You are offline. This goes on by itself once you are back.",
  },
  timeout: {
    ko: "서버가 제시간에 응답하지 않았습니다. 잠시 후 다시 시도해 주세요.",
    en: "The server did not respond in time. Please try again in a moment.",
  },
  not_authenticated: {
    ko: "로그인이 필요합니다. 로그인하면 이 화면으로 돌아옵니다.",
    en: "Please log in. You will come back to this page.",
  },
  account_closed: {
    ko: "이용할 수 없는 계정입니다. 변경된 내용은 없습니다.",
    en: "This account is closed. Nothing was changed.",
  },
  rate_limited: {
    ko: "요청이 너무 많습니다. 잠시 후 자동으로 이어집니다.",
    en: "Too many requests. This goes on by itself in a moment.",
  },
  service_unavailable: {
    ko: "서비스를 잠시 이용할 수 없습니다. 변경된 내용은 없습니다.",
    en: "The service is briefly unavailable. Nothing was changed.",
  },
  outcome_unknown: {
    ko: "처리되었는지 아직 확실하지 않습니다. 두 번 처리되지는 않습니다.",
    en: "It is not certain yet whether this was done. Nothing is done twice.",
  },
  unavailable: {
    ko: "지금은 서비스에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    en: "The service cannot be reached at the moment. Please try again shortly.",
  },
  gateway_timeout: {
    ko: "제시간에 응답을 받지 못했습니다. 상태를 확인하고 있습니다.",
    en: "There was no response in time. The state is being checked.",
  },
  gateway_error: {
    ko: "요청이 전달되지 않았습니다. 다시 시도해 주세요.",
    en: "The request was not passed on. Please try again.",
  },
  internal_error: {
    ko: "서버 오류가 발생했습니다. 잠시 후 다시 시도해 주세요.",
    en: "Something went wrong on our side. Please try again in a moment.",
  },
  performance_not_found: {
    ko: "해당 회차를 찾을 수 없습니다.",
    en: "There is no such performance.",
  },
  permission_denied: {
    ko: "이 작업을 할 수 있는 권한이 없습니다.",
    en: "You may not do this.",
  },
};
// Each of these is a login that has ended: logging in again helps.
const LOGIN_ENDED = new Set(["not_authenticated", "token_expired", "token_invalid", "csrf_failed"]);

/** Whether a login is what is missing. */
export function needsLogin(problem: Problem): boolean {
  return LOGIN_ENDED.has(problem.code);
}

/** Return the words for a problem: a page's own, the common ones, else what the API says. */
export function wordsOf(problem: Problem, own: Words = {}): string {
  const code = needsLogin(problem) ? "not_authenticated" : problem.code;
  const words = own[code] ?? COMMON[code];
  if (words) return text(words);
  // The API answers in the language of the page.
  const { detail } = problem.fields;
  if (typeof detail === "string" && detail) return detail;
  return text({
    ko: "요청을 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.",
    en: "The request could not be carried out. Please try again in a moment.",
  });
}

/** The codes that have words on every page. */
export const COMMON_CODES: readonly string[] = [...Object.keys(COMMON), ...LOGIN_ENDED];
