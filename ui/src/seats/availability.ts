/** The states of all seats: by the live stream, else asked each second while somebody looks. */

import type { Api } from "../core/api";
import { crc32, LiveStream } from "../core/live";
import { onReturn } from "../core/page";
import { type Problem, problemOf } from "../core/problem";
import { after, cancel } from "../core/timers";
import { Tabs } from "../queue/tabs";
import type { Availability } from "./facts";
import { type SeatNews, withNews } from "./statuses";

const AVAILABILITY = "/api/v1/performances/{performance_id}/availability/";
const EVERY_MS = 1000;
const LONGEST_MS = 10_000;
const LIVE_MS = 2500; // younger states are called live
const STREAMED_MS = 20_000; // so are those of a stream, which says something each 15 s
/** What the tab that asks for all says to the others. */
interface Shared {
  readonly found: Availability;
  readonly isStreamed: boolean;
}

export class AvailabilityFeed {
  readonly #api: Api;
  readonly #params: { performance_id: string };
  readonly #news: (found: Availability) => void;
  readonly #failed: (problem: Problem) => void;
  readonly #stop = new AbortController();
  readonly #live: LiveStream;
  readonly #tabs: Tabs<Shared>;
  #leads = false;
  #found: Availability | undefined;
  #isStreamed = false;
  #timer: number | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #differs = false;
  #failures = 0;
  /** When the latest states came (device's clock, ms); 0 before the first. */
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
    this.#live = new LiveStream(
      ["seats", "alive", "reload"],
      (_, data) => this.#hear(data as SeatNews),
      () => this.#askIn(Math.random() * 2 * EVERY_MS),
    );
    this.#tabs = new Tabs(`fr-seats:${performanceId}`, (shared) => this.#take(shared));
  }

  /** Whether what is shown is what there is. */
  get isLive(): boolean {
    return Date.now() - this.receivedAt < (this.#isStreamed ? STREAMED_MS : LIVE_MS);
  }

  start(): void {
    onReturn(() => this.look(), this.#stop.signal);
    this.look();
    this.#tabs.onLead(() => {
      this.#leads = true;
      this.#live.follow(this.#found?.stream_url);
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#live.close();
    this.#tabs.close();
    cancel(this.#timer);
  }

  /** Ask now. */
  look(): void {
    cancel(this.#timer);
    void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      const options = { params: this.#params, anonymous: true, tries: 1, seconds: 5 } as const;
      const found = await this.#api.get(AVAILABILITY, { ...options, signal: this.#stop.signal });
      this.#failures = 0;
      if (this.#leads) this.#live.follow(found.stream_url);
      this.#share(found);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failures += 1;
      this.#failed(problemOf(error));
      this.#next();
    }
  }

  /** An event of the stream: older than what is shown, the next step of it, or the end of it. */
  #hear(news: SeatNews): void {
    const before = this.#found;
    if (before && news.as_of && news.as_of <= before.as_of) return;
    const found = before && news.as_of ? withNews(before, news) : undefined;
    const isSame =
      news.crc === undefined ? !this.#differs : crc32(found?.statuses ?? "") === news.crc;
    if (found && isSame) {
      this.#share(found);
      return;
    }
    this.#differs = true; // until the document was read
    const inMs = EVERY_MS * (0.3 + Math.random() * 0.7);
    // Further events must not put the question off.
    if (Date.now() + inMs < this.#dueAt) this.#askIn(inMs);
  }

  #share(found: Availability): void {
    const shared = { found, isStreamed: this.#live.isOpen };
    if (this.#leads) this.#tabs.publish(shared);
    this.#take(shared);
  }

  #take({ found, isStreamed }: Shared): void {
    this.#found = found;
    this.#differs = false;
    this.#isStreamed = isStreamed;
    this.receivedAt = Date.now();
    this.#news(found);
    this.#next();
  }

  #next(): void {
    // A hidden map is asked for when it is seen again.
    if (document.visibilityState === "hidden") return;
    const wait = Math.min(EVERY_MS * 2 ** this.#failures, LONGEST_MS);
    if (this.#leads && this.#live.isOpen) {
      cancel(this.#timer);
      this.#dueAt = Number.POSITIVE_INFINITY;
    } else if (this.#isStreamed && !this.#leads) this.#askIn(STREAMED_MS);
    else this.#askIn((this.#leads ? wait : 2 * wait) * (0.9 + Math.random() * 0.2));
  }

  #askIn(milliseconds: number): void {
    cancel(this.#timer);
    this.#dueAt = Date.now() + milliseconds;
    this.#timer = after(milliseconds, () => void this.#ask());
  }
}
