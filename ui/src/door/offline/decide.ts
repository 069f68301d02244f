/** What a gate decides without the server: by the list, and by what vouches for the code. */

import type { DoorFacts, Outcome, Reading } from "../gate";
import type { Entry } from "./list";
import type { Proof } from "./signature";

/** What is known of a scan where no server answers. */
export interface Known {
  /** What was scanned; `typed` is a code without a signature. */
  readonly proof: Proof | "typed" | "nothing";
  /** Whether the ticket names this performance; a typed code names none. */
  readonly isHere: boolean;
  readonly entry: Entry | undefined;
  /** Whether a list is here at all: without one nobody knows which tickets are void. */
  readonly hasList: boolean;
  /** The admission of this device that is in force. */
  readonly own: { readonly at: string; readonly gate: string } | undefined;
}

export interface ByList {
  readonly outcome: Outcome;
  readonly at?: string | null;
  readonly gate?: string | null;
}

/**
 * Decide a scan at a moment (the server's clock, ms).
 *
 * The order is the server's. A genuine ticket that the list lacks was sold after the list was made,
 * since void tickets stand in it: it admits. Without any list nothing does. An expiry in a QR code is not looked at: the
 * performance may have been postponed, and the doors' times are known.
 *
 * What is read by a camera or a scanner needs a signature, for who has the list can compute codes
 * that it knows (decision 0072). A person who types one has a torn ticket in front of him.
 */
export function decide(known: Known, by: Reading, doors: Doors, now: number): ByList {
  const { proof, isHere, entry, own, hasList } = known;
  if (proof === "forged") return { outcome: "not_signed" };
  if (proof === "nothing") return { outcome: "ticket_not_found" };
  if (!isHere) return { outcome: "wrong_performance" };
  if (!hasList) return { outcome: "no_list" };
  // What this device let in itself is refused below, however it was read.
  if (proof !== "genuine" && by !== "hand" && !own) return { outcome: "type_code" };
  if (!entry && proof !== "genuine") return { outcome: "ticket_not_found" };
  if (entry?.status === "VOID") return { outcome: "ticket_void" };
  if (!areOpen(doors, now)) return { outcome: "doors_closed" };
  if (own) return { outcome: "already_admitted", at: own.at, gate: own.gate };
  if (entry?.status === "USED") {
    return { outcome: "already_admitted", at: entry.at, gate: entry.gate };
  }
  return { outcome: "admitted" };
}

type Doors = Pick<DoorFacts, "opensAt" | "closesAt">;

function areOpen({ opensAt, closesAt }: Doors, now: number): boolean {
  return (opensAt === null || Date.parse(opensAt) <= now) && now <= Date.parse(closesAt);
}
