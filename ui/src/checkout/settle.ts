/** Asking what became of a payment or a charge, until it is decided. */

import { type Api, jittered } from "../core/api";
import { type Problem, problemOf } from "../core/problem";
import { pause } from "../core/timers";
import type { Charge, Payment } from "./facts";

export type Kind = "payment" | "charge";
export type Item = Payment | Charge;

const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 10;
const GROWTH = 1.5;

/** Return how long to wait before the `nth` look (from 0), in seconds. Pure. */
export function lookAfter(nth: number): number {
  return Math.min(FIRST_SECONDS * GROWTH ** nth, LONGEST_SECONDS);
}

/** Whether a request may have been carried out all the same, or may do better a little later. */
export function isInDoubt(problem: Problem): boolean {
  return problem.isPassing || problem.status >= 500;
}

export function fetchItem(api: Api, kind: Kind, id: string): Promise<Item> {
  return kind === "payment"
    ? api.get("/api/v1/payments/{payment_id}/", { params: { payment_id: id } })
    : api.get("/api/v1/points/charges/{charge_id}/", { params: { charge_id: id } });
}

/** Confirm what the gateway's page has approved; the key makes a repetition safe. */
export function confirmItem(
  api: Api,
  kind: Kind,
  id: string,
  paymentKey: string,
  key: string,
): Promise<Item> {
  const body = { payment_key: paymentKey };
  const options = { key, seconds: 40, tries: 4 };
  return kind === "payment"
    ? api.post("/api/v1/payments/{payment_id}/confirm/", body, {
        ...options,
        params: { payment_id: id },
      })
    : api.post("/api/v1/points/charges/{charge_id}/confirm/", body, {
        ...options,
        params: { charge_id: id },
      });
}

/** Whether other seats are offered for money that came late: the fan decides, nobody waits. */
export function isOffered(item: Item): boolean {
  return "offer" in item && Boolean(item.offer);
}

/** Look until the item is no longer PROCESSING, or waits for the fan; failed looks are repeated. */
export async function untilDecided(api: Api, kind: Kind, id: string): Promise<Item> {
  for (let nth = 0; ; nth += 1) {
    await pause(jittered(lookAfter(nth)) * 1000);
    const found = await fetchItem(api, kind, id).catch((error: unknown): undefined => {
      const problem: Problem = problemOf(error);
      if (!isInDoubt(problem)) throw problem;
    });
    if (found && (found.status !== "PROCESSING" || isOffered(found))) return found;
  }
}
