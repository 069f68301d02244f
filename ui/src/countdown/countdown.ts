/**
 * `<fr-countdown at clock tenths reload>`: the time that is left, by the server's clock.
 *
 * `clock` is a public document that tells it, the page itself if there is none. A private page says
 * by itself when it was made: it is not asked for again, as nobody that calls without a login.
 */

import { fetchInTime, readAnswer } from "../core/api";
import { serverClock } from "../core/clock";
import { remaining } from "../core/format";
import { onReturn, pageData } from "../core/page";
import { speak } from "../core/speak";
import { read, write } from "../core/tab";
import { text } from "../core/text";

const SAMPLES = 4;
const BETWEEN_SAMPLES_MS = 330; // a public document may be a second old: several show the clock
const STALE_MS = 60_000;
const LAST_LOOK_MS = 15_000;
/** Waits before the page is loaded again: an old copy of it may still count to the same moment. */
const RELOADS_MS = [500, 3000, 10_000, 30_000];
/** When each clock was last read: all countdowns of a page that name the same one share it. */
const measuredAt = new Map<string, number>();

export class Countdown extends HTMLElement {
  static readonly observedAttributes = ["at"];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: AbortController | undefined;
  #hasLookedLast = false;
  #lastWords = "";
  #hasCounted = false;

  /** Another moment is counted to: a hold was extended. */
  attributeChangedCallback(): void {
    if (!this.#stop) return;
    clearTimeout(this.#timer);
    this.#show();
  }

  connectedCallback(): void {
    this.setAttribute("role", "timer");
    this.#stop = new AbortController();
    onReturn(() => this.#measure(), this.#stop.signal);
    void this.#measure();
    this.#show();
  }

  disconnectedCallback(): void {
    this.#stop?.abort();
    clearTimeout(this.#timer);
  }

  /** The milliseconds left; negative once it is over. */
  get left(): number {
    return Date.parse(this.getAttribute("at") ?? "") - serverClock.now();
  }

  #show(): void {
    const { left } = this;
    if (Number.isNaN(left)) return;
    const tenths = this.hasAttribute("tenths");
    const words = remaining(left, tenths);
    if (words !== this.#lastWords) this.textContent = words;
    this.#lastWords = words;
    if (left <= 0) {
      this.#end();
      return;
    }
    this.#hasCounted = true;
    if (left < LAST_LOOK_MS && !this.#hasLookedLast) {
      this.#hasLookedLast = true;
      measuredAt.delete(this.#clock);
      void this.#measure();
    }
    // The next change of what is shown, not a fixed beat: no second is skipped or shown twice.
    this.#timer = setTimeout(() => this.#show(), left % (tenths ? 100 : 1000) || 1);
  }

  #end(): void {
    this.dispatchEvent(new CustomEvent("fr-zero", { bubbles: true }));
    if (this.#hasCounted) speak(text({ ko: "시간이 되었습니다.", en: "It is time." }));
    if (!this.hasAttribute("reload")) return;
    const name = `fr-reload:${location.pathname}:${this.getAttribute("at")}`;
    const nth = Number(read(name) ?? 0);
    const wait = RELOADS_MS[nth];
    if (wait === undefined) return;
    write(name, String(nth + 1));
    // Spread over a second: everybody's clock ends at once.
    this.#timer = setTimeout(() => location.reload(), wait + Math.random() * 1000);
  }

  /** The document by which the server's clock is read; "" for the page itself. */
  get #clock(): string {
    return this.getAttribute("clock") ?? "";
  }

  async #measure(): Promise<void> {
    if (!this.#clock && pageData()?.now) return;
    const before = measuredAt.get(this.#clock);
    if (before !== undefined && Date.now() - before < STALE_MS) return;
    measuredAt.set(this.#clock, Date.now());
    for (let nth = 0; nth < SAMPLES && this.isConnected; nth += 1) {
      await this.#sample();
      await new Promise((next) => setTimeout(next, BETWEEN_SAMPLES_MS));
    }
  }

  async #sample(): Promise<void> {
    const address = this.#clock;
    try {
      const request = { credentials: "omit", cache: "no-store" } as const;
      const received = await fetchInTime(address || location.href, {
        ...request,
        method: address ? "GET" : "HEAD",
      });
      const { response, at } = received;
      if (address && response.ok) readAnswer(received);
      // A date in whole seconds was made up to a second before: a bound like the others.
      else serverClock.observe(Date.parse(response.headers.get("Date") ?? ""), at);
    } catch {
      // Offline: the device's own clock goes on.
    }
  }
}

export function defineCountdown(): void {
  if (!customElements.get("fr-countdown")) customElements.define("fr-countdown", Countdown);
}
