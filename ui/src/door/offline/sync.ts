/** Sending what the server has not heard of: undoings, then scans in their order. */

import { serverClock } from "../../core/clock";
import { Problem } from "../../core/problem";
import { isNoAnswer, type Remote } from "./remote";
import type { Scans } from "./scans";
import type { KeptScan } from "./storage";

const SCANS_AT_ONCE = 200; // as tickets/policy.py

/**
 * Send all that is pending; returns the last refusal, if there was one.
 *
 * A scan that is undone here and may be there is sent first, to learn by what it is undone there: the
 * ticket may have been scanned again since. What is refused or fails stays as it is and goes the next
 * time. A scan keeps its id, so that one whose answer was lost is the same scan. Throws the `Problem` where there is no network.
 */
export async function sendPending(scans: Scans, remote: Remote): Promise<Problem | undefined> {
  let refusal: Problem | undefined;
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem) || isNoAnswer(error)) throw error;
      refusal = error;
    }
  };
  const send = async (undone: boolean) => {
    for (const batch of batches(scans.still(scans.pending(), undone))) {
      await attempt(async () => {
        const now = scans.still(batch, undone); // one may have been undone since the round began
        if (now.length === 0) return;
        await scans.ask(now).catch(() => undefined); // a full disk stops nothing
        const results = await remote.batch(now[0]?.batchUrl ?? "", now);
        await scans.settle(results, new Date(serverClock.now()).toISOString());
      });
    }
  };
  const undo = async () => {
    for (const { scanId, checkinId, undoReason, undoUrl } of scans.pending()) {
      if (checkinId === null || undoReason === null) continue;
      await attempt(async () => {
        await remote.undo(undoUrl, checkinId, undoReason);
        await scans.drop(scanId);
      });
    }
  };
  await send(true);
  await undo();
  await send(false);
  await undo(); // what was undone while it was sent
  return refusal;
}

/** Return the scans as they go together: of one performance, and not too many. */
export function batches(scans: readonly KeptScan[]): KeptScan[][] {
  const found: KeptScan[][] = [];
  const open = new Map<string, KeptScan[]>();
  for (const scan of scans) {
    const key = `${scan.performanceId} ${scan.batchUrl}`;
    let batch = open.get(key);
    if (!batch || batch.length === SCANS_AT_ONCE) {
      batch = [];
      open.set(key, batch);
      found.push(batch);
    }
    batch.push(scan);
  }
  return found;
}
