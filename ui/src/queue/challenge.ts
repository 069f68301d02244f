/** The check that keeps programs out of a waiting room: a proof of work, or a service's widget. */

import type { Problem } from "../core/problem";
import { language } from "../core/text";
import { after, solve } from "../core/timers";

export interface Challenge {
  readonly kind: "proof_of_work" | "turnstile";
  readonly challenge?: string;
  readonly bits?: number;
  readonly site_key?: string;
}

interface Turnstile {
  render(
    box: HTMLElement,
    options: {
      sitekey: string;
      language: string;
      callback(token: string): void;
      "error-callback"(): boolean;
      "unsupported-callback"(): void;
    },
  ): string;
}

const SCRIPT_MS = 10_000;

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
 * Meet a challenge and return the response; `progress` gets 0 to 1. Rejects where it can't be met.
 *
 * The widget of a service is drawn into `box` by the service's script, which only a page of a
 * deployment that has one loads.
 */
export async function meet(
  challenge: Challenge,
  box: HTMLElement,
  progress: (share: number) => void,
): Promise<string> {
  if (challenge.kind === "proof_of_work") {
    const bits = challenge.bits ?? 0;
    return solve(challenge.challenge ?? "", bits, (tried) => progress(shareDone(tried, bits)));
  }
  const turnstile = await service();
  const place = document.createElement("div");
  box.replaceChildren(place); // a widget of an earlier check is spent
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error("the service could not check"));
    turnstile.render(place, {
      sitekey: challenge.site_key ?? "",
      language,
      callback: resolve,
      "error-callback": () => {
        failed();
        return true; // the page says so itself
      },
      "unsupported-callback": failed,
    });
  });
}

/** Return the service once its script is there; rejects where the page has none or it is blocked. */
function service(): Promise<Turnstile> {
  const found = () => (globalThis as { turnstile?: Turnstile }).turnstile;
  const script = document.querySelector("script[data-fr-challenge]");
  return new Promise((resolve, reject) => {
    const look = () => {
      const turnstile = found();
      if (turnstile) resolve(turnstile);
      else reject(new Error("the service's script is not on this page"));
    };
    if (found() || !script) {
      look();
      return;
    }
    script.addEventListener("load", look);
    script.addEventListener("error", look);
    after(SCRIPT_MS, look); // it may have failed before anybody listened
  });
}
