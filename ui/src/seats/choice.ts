/** The seats that a fan has chosen and not yet held. Pure: every change is a new choice. */

import type { Money } from "../core/format";
import { nearestBlock } from "./blocks";
import type { Hall } from "./hall";
import { FREE } from "./statuses";

export type Choice = readonly number[];

/** What a press on a seat came to. */
export type Press = "chosen" | "dropped" | "taken" | "full";

/** Return the choice after a press on a seat, and what the press was. */
export function pressed(
  choice: Choice,
  seat: number,
  statuses: string,
  most: number,
): [Choice, Press] {
  if (choice.includes(seat)) return [choice.filter((one) => one !== seat), "dropped"];
  if (statuses[seat] !== FREE) return [choice, "taken"];
  if (choice.length >= most) return [choice, "full"];
  return [[...choice, seat], "chosen"];
}

/** What was lost of a choice, what stays, and what is offered instead. */
export interface Loss {
  readonly gone: Choice;
  readonly kept: Choice;
  readonly offer: Choice | undefined;
}

/** Return what a choice lost by the seats that are no longer free; `undefined` for nothing. */
export function lossOf(hall: Hall, choice: Choice, statuses: string): Loss | undefined {
  const gone = choice.filter((seat) => statuses[seat] !== FREE);
  const first = gone[0];
  if (first === undefined) return undefined;
  const kept = choice.filter((seat) => !gone.includes(seat));
  return { gone, kept, offer: nearestBlock(hall, statuses, choice.length, first) };
}

/** Return the sum of the prices. Seats of one performance have one currency. */
export function sum(hall: Hall, choice: Choice): Money {
  const prices = choice.map((seat) => hall.sections[hall.sectionOf[seat] ?? 0]?.price);
  const amount = prices.reduce((total, price) => total + (price?.amount ?? 0), 0);
  return { amount, currency: prices[0]?.currency ?? "KRW" };
}

/** Return the seats (ids) and sections (codes) that the hash of an address names. */
export function seatsNamed(hash: string): { ids: string[]; sections: string[] } {
  const named = new URLSearchParams(hash.slice(1));
  return { ids: named.get("seats")?.split(",") ?? [], sections: listOf(named.get("sections")) };
}

function listOf(json: string | null): string[] {
  try {
    const found: unknown = JSON.parse(json ?? "[]");
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return []; // an address that somebody wrote
  }
}
