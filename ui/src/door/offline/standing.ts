/** How a gate stands, by what its device keeps. */

import type { Standing } from "../gate";
import type { KeptAdmissionList } from "./kept_list";
import type { Scans } from "./scans";
import type { Signatures } from "./signature";

interface Kept {
  readonly performanceId: string;
  readonly scans: Scans;
  readonly kept: KeptAdmissionList;
  readonly signatures: Signatures;
}

export function standingOf({
  performanceId,
  scans,
  kept,
  signatures,
}: Kept): Omit<Standing, "online" | "refusal"> {
  const here = scans.ofPerformance(performanceId).filter((scan) => scan.undoReason === null);
  const byGate = kept.list.admittedByGate();
  for (const { hash, gate } of here) {
    if (kept.list.get(hash)?.status === "USED") continue; // counted already, here or elsewhere
    if (!scans.admission(performanceId, hash, kept.asOf)) continue;
    byGate.set(gate, (byGate.get(gate) ?? 0) + 1);
  }
  return {
    listAsOf: kept.asOf,
    tickets: kept.list.size,
    unsent: scans.pending().length,
    admittedHere: here.length,
    admittedByGate: byGate,
    conflicts: scans.conflicts(performanceId),
    checksSignatures: signatures.areChecked,
  };
}
