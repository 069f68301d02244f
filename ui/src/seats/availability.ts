/** The states of all seats, asked each second while somebody looks. */

import type { Api } from "../core/api";
import { onReturn } from "../core/page";
import { type Problem, problemOf } from "../core/problem";
import { after, cancel } from "../core/timers";
import type { Availability } from "./facts";

const AVAILABILITY = "/api/v1/performances/{performance_id}/availability/";
const EVERY_MS = 1000;
const LONGEST_MS = 10_000;

export class AvailabilityFeed {
  readonly #api: Api;
  readonly #params: { performance_id: string };
  readonly #news: (found: Availability) => void;
  readonly #failed: (problem: Problem) => void;
  readonly #stop = new AbortController();
  #timer: number | undefined;
  #failures = 0;
  /** When the latest answer came (device's clock, ms); 0 before the first. */
  receivedAt = 0;

  constructor(
    api: Api,
    performanceId: string,
    news: (found: Availability) => void,
    failed: (problem: Problem) => void,
  ) {
    this.#api = api;
    this.#params = { performance_id: performanceId };
    this.#news = news;
    this.#failed = failed;
  }

  start(): void {
    onReturn(() => this.look(), this.#stop.signal);
    this.look();
  }

  stop(): void {
    this.#stop.abort();
    cancel(this.#timer);
  }

  /** Ask now. */
  look(): void {
    cancel(this.#timer);
    void this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      const options = { params: this.#params, anonymous: true, tries: 1, seconds: 5 } as const;
      const found = await this.#api.get(AVAILABILITY, { ...options, signal: this.#stop.signal });
      this.#failures = 0;
      this.receivedAt = Date.now();
      this.#news(found);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failures += 1;
      this.#failed(problemOf(error));
    }
    // A hidden map is asked for when it is seen again.
    if (document.visibilityState === "hidden") return;
    const wait = Math.min(EVERY_MS * 2 ** this.#failures, LONGEST_MS);
    cancel(this.#timer);
    this.#timer = after(wait * (0.9 + Math.random() * 0.2), () => void this.#ask());
  }
}
