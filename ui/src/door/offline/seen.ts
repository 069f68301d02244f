/** A ticket in front of a gate: what the device knows of it. */

import { hashOf, isSigned, read } from "./codes";
import type { Known } from "./decide";
import type { KeptAdmissionList } from "./kept_list";
import type { Entry } from "./list";
import type { Scans } from "./scans";
import type { Signatures } from "./signature";
import type { KeptScan } from "./storage";

export interface Seen extends Known {
  /** By which the list names it; empty where the text has no code. */
  readonly hash: string;
  /** Whether the server has to hear something of it first: it would admit once more. */
  readonly isPending: boolean;
}

interface Knowing {
  readonly performanceId: string;
  readonly scans: Scans;
  readonly kept: KeptAdmissionList;
  readonly signatures: Signatures;
}

const NO_TICKET = {
  ...{ hash: "", isPending: false, isHere: true, hasList: true },
  ...{ entry: undefined, own: undefined },
};

/** Return what is known of the ticket that a text names. */
export async function look(
  text: string,
  { performanceId, scans, kept, signatures }: Knowing,
): Promise<Seen> {
  const scanned = read(text);
  if (typeof scanned === "string") return { ...NO_TICKET, proof: scanned };
  const hash = await hashOf(performanceId, scanned.code);
  const known = {
    hash,
    isPending: scans.isPending(performanceId, hash),
    entry: without(scans.undoing(performanceId, hash), kept.list.get(hash)),
    own: scans.admission(performanceId, hash, kept.asOf),
    hasList: kept.asOf !== null,
  };
  if (!isSigned(scanned)) return { ...known, proof: "typed", isHere: true };
  const proof = await signatures.proofOf(scanned);
  return { ...known, proof, isHere: await scanned.isFor(performanceId) };
}

/** Return a ticket of the list as if its admission here were undone already, if it is that. */
function without(undone: KeptScan | undefined, entry: Entry | undefined): Entry | undefined {
  if (!undone || entry?.status !== "USED" || entry.gate !== undone.gate) return entry;
  const isIt = Date.parse(entry.at ?? "") === Date.parse(undone.at);
  return isIt ? { ...entry, status: "VALID", at: null, gate: null } : entry;
}
