/** The admission list in memory: tickets by the hashes of their codes. */

import type { components } from "../../../generated/api";

type Document = components["schemas"]["AdmissionEntry"];

/** A ticket of the list; `seat` in short: "A-3-12". */
export interface Entry {
  readonly hash: string;
  readonly seat: string;
  readonly initials: string;
  readonly status: Document["status"];
  readonly at: string | null;
  readonly gate: string | null;
}

export const MOST_FOUND = 20;

/** Return a ticket as the server's document says it. */
export function entryOf({ code_hash, seat, initials, status, admitted_at, gate }: Document): Entry {
  return { hash: code_hash, seat: seatName(seat), initials, status, at: admitted_at, gate };
}

/** Return a seat in short, as on fans' pages. */
export function seatName(seat: { section: string; row: string; number: string }): string {
  return `${seat.section}-${seat.row}-${seat.number}`;
}

export class AdmissionList {
  readonly #entries = new Map<string, Entry>();
  readonly #byGate = new Map<string, number>();

  get size(): number {
    return this.#entries.size;
  }

  get(hash: string): Entry | undefined {
    return this.#entries.get(hash);
  }

  all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Take tickets in, in place of what was known of them. */
  put(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#count(this.#entries.get(entry.hash), -1);
      this.#entries.set(entry.hash, entry);
      this.#count(entry, 1);
    }
  }

  /** How many the list knows to be in, by gate. */
  admittedByGate(): Map<string, number> {
    return new Map(this.#byGate);
  }

  /**
   * Return tickets by the words of a seat ("A 3 12", "A-3": all of the row) or by initials.
   *
   * The words between are left out, so that a seat may be said as it is printed.
   */
  find(words: string): Entry[] {
    const asked = wanted(words);
    if (!asked) return [];
    const found: Entry[] = [];
    for (const entry of this.#entries.values()) {
      const place = entry.seat.toUpperCase();
      if (place !== asked && !place.startsWith(`${asked}-`) && entry.initials !== asked) continue;
      found.push(entry);
      if (found.length === MOST_FOUND) break;
    }
    return found;
  }

  #count(entry: Entry | undefined, step: number): void {
    if (entry?.status !== "USED" || entry.gate === null) return;
    const left = (this.#byGate.get(entry.gate) ?? 0) + step;
    if (left > 0) this.#byGate.set(entry.gate, left);
    else this.#byGate.delete(entry.gate);
  }
}

function wanted(words: string): string {
  const bare = words.toUpperCase().replace(/구역|열|번|\b(SECTION|ROW|SEAT)\b/g, " ");
  return bare.trim().replace(/[\s,-]+/g, "-");
}
