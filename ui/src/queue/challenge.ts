/** The check that keeps programs out of a waiting room: a proof of work, or a service's widget. */

import type { Problem } from "../core/problem";
import { solve } from "../core/timers";

export interface Challenge {
  readonly kind: "proof_of_work" | "turnstile";
  readonly challenge?: string;
  readonly bits?: number;
  readonly site_key?: string;
}

interface Turnstile {
  render(box: HTMLElement, options: { sitekey: string; callback(token: string): void }): string;
}

/** Return the challenge of a refusal, `undefined` if it names none. */
export function challengeOf(problem: Problem | undefined): Challenge | undefined {
  const found = problem?.fields.challenge as Challenge | undefined;
  return found && typeof found === "object" ? found : undefined;
}

/** Return how much of a proof of work is probably done, 0 to 1: the chance to have met it by now. */
export function shareDone(tried: number, bits: number): number {
  return 1 - Math.exp(-tried / 2 ** bits);
}

/**
 * Meet a challenge and return the response; `progress` gets 0 to 1.
 *
 * The widget of a service is drawn into `box` by the service's script, which only a page of a
 * deployment that has one loads.
 */
export function meet(
  challenge: Challenge,
  box: HTMLElement,
  progress: (share: number) => void,
): Promise<string> {
  if (challenge.kind === "proof_of_work") {
    const bits = challenge.bits ?? 0;
    return solve(challenge.challenge ?? "", bits, (tried) => progress(shareDone(tried, bits)));
  }
  const { turnstile } = globalThis as { turnstile?: Turnstile };
  if (!turnstile) return Promise.reject(new Error("the service's script is not on this page"));
  return new Promise((resolve) => {
    turnstile.render(box, { sitekey: challenge.site_key ?? "", callback: resolve });
  });
}
