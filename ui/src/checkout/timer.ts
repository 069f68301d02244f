/** The one timer of a checkout, by the server's clock: what it says, and when. */

import { serverClock } from "../core/clock";
import { speak } from "../core/speak";
import { text } from "../core/text";
import { after, cancel } from "../core/timers";

/** Seconds left at which the time is read out. */
const SAID_AT = [300, 120, 60, 30];
const OFFER_AT = 60;

export interface TimerCalls {
  /** There is a minute left. */
  nearlyOver(): void;
  over(): void;
}

/** Return which of the marks lie between two looks at the time that is left (seconds). Pure. */
export function marksBetween(before: number, now: number): number[] {
  return SAID_AT.filter((mark) => before > mark && now <= mark);
}

export class CheckoutTimer {
  readonly #calls: TimerCalls;
  #endsAt = 0;
  #before = 0;
  #next: number | undefined;

  constructor(calls: TimerCalls) {
    this.#calls = calls;
  }

  /** Count to a moment (ms, server's clock); an extension counts on. */
  set(endsAt: number): void {
    this.#endsAt = endsAt;
    this.#before = Number.POSITIVE_INFINITY;
    const left = this.#left;
    // What is past when the page opens is not read out.
    if (left > 0) this.#before = left + 0.5;
    this.#tick();
  }

  stop(): void {
    cancel(this.#next);
  }

  get #left(): number {
    return (this.#endsAt - serverClock.now()) / 1000;
  }

  #tick(): void {
    cancel(this.#next);
    const left = this.#left;
    const marks = marksBetween(this.#before, left);
    this.#before = left;
    const last = marks.at(-1);
    if (last !== undefined) speak(leftWords(last));
    if (marks.includes(OFFER_AT)) this.#calls.nearlyOver();
    if (left <= 0) this.#calls.over();
    else this.#next = after(Math.min(1000, left * 1000 + 50), () => this.#tick());
  }
}

function leftWords(seconds: number): string {
  if (seconds < 60) return text({ ko: `${seconds}초 남았습니다.`, en: `${seconds} seconds left.` });
  const minutes = seconds / 60;
  const one = minutes === 1;
  return text({
    ko: `${minutes}분 남았습니다.`,
    en: one ? "One minute left." : `${minutes} minutes left.`,
  });
}
