/** The server as a gate asks it; every failure is a `Problem`. */

import type { components } from "../../../generated/api";
import { encoded, fetchInTime, readAnswer } from "../../core/api";
import { Problem } from "../../core/problem";
import { isAnswer } from "../../core/status";
import { language } from "../../core/text";
import type { TicketKey } from "../gate";
import type { KeptScan } from "./storage";

type Schemas = components["schemas"];
export type Admission = Schemas["Checkin"];
export type BatchResult = Schemas["ScanResult"];
export type ListDocument = Schemas["AdmissionList"];

const SCAN_SECONDS = 1.5; // who waits in front of a gate waits no longer
const SYNC_SECONDS = 15;
const LIST_SECONDS = 60; // 50,000 tickets over a venue's network
const KEYS_SECONDS = 15;

/** What is scanned, as the server is asked about it. */
export interface Asked {
  readonly performance_id: string;
  readonly code: string;
  readonly gate: string;
  readonly scan_id: string;
}

export class Remote {
  readonly #csrf: () => string;

  /** `csrf` returns the token as it is now: a login that is renewed beside the page changes it. */
  constructor(csrf: () => string) {
    this.#csrf = csrf;
  }

  async scan(url: string, asked: Asked): Promise<Admission> {
    return (await this.#post(url, asked, SCAN_SECONDS)) as Admission;
  }

  /** Send scans of one performance in their order. */
  async batch(url: string, scans: readonly KeptScan[]): Promise<readonly BatchResult[]> {
    const body = {
      performance_id: scans[0]?.performanceId,
      scans: scans.map(({ code, gate, scanId, at }) => ({
        code,
        gate,
        scan_id: scanId,
        scanned_at: at,
      })),
    };
    return ((await this.#post(url, body, SYNC_SECONDS)) as Schemas["CheckinBatch"]).results;
  }

  /** Undo a check-in; one that is gone already is undone. */
  async undo(url: string, checkinId: string, reason: string): Promise<void> {
    await this.#post(url, { checkin_id: checkinId, reason }, SYNC_SECONDS).catch((error) => {
      if (!(error instanceof Problem && error.code === "checkin_not_found")) throw error;
    });
  }

  /** Return the list, or what has changed `since`; undefined where the ETag still holds. */
  async list(
    url: string,
    since: string | null,
    etag: string | null,
    signal: AbortSignal,
  ): Promise<{ document: ListDocument; etag: string | null } | undefined> {
    const address = since === null ? url : `${url}?since=${encoded(since)}`;
    const headers = { ...this.#headers(), ...(etag ? { "If-None-Match": etag } : {}) };
    const received = await this.#fetch(address, { headers }, LIST_SECONDS, signal);
    if (received.response.status === 304) return undefined;
    const document = readAnswer(received) as ListDocument;
    return { document, etag: received.response.headers.get("ETag") };
  }

  /** Return the public keys that tickets are signed by now. */
  async keys(url: string, signal: AbortSignal): Promise<readonly TicketKey[]> {
    const request = { headers: { Accept: "application/json" } };
    const { keys } = readAnswer(await this.#fetch(url, request, KEYS_SECONDS, signal)) as {
      keys: readonly (TicketKey & { readonly frontrow_use: string })[];
    };
    return keys.filter((key) => key.frontrow_use === "ticket");
  }

  async #post(url: string, body: unknown, seconds: number): Promise<unknown> {
    const headers = { ...this.#headers(), "Content-Type": "application/json" };
    const sent = { method: "POST", headers, body: JSON.stringify(body) };
    return readAnswer(await this.#fetch(url, sent, seconds));
  }

  async #fetch(url: string, request: RequestInit, seconds: number, signal?: AbortSignal) {
    // A login that has ended may lead to its page: that is no answer.
    const sent: RequestInit = { ...request, redirect: "error", cache: "no-store" };
    return fetchInTime(url, sent, signal ? { seconds, signal } : { seconds });
  }

  #headers(): Record<string, string> {
    return {
      Accept: "application/json",
      "Accept-Language": language,
      "X-CSRFToken": this.#csrf(),
    };
  }
}

/** Whether the server has not been reached, or cannot answer now. */
export function isNoAnswer({ code, status }: Problem): boolean {
  return ["offline", "timeout"].includes(code) || !isAnswer(status);
}
