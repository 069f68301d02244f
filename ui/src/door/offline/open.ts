/** Opening a gate on this device, and leaving it. */

import { Problem } from "../../core/problem";
import type { DoorFacts, Gate } from "../gate";
import { DoorGate } from "./door_gate";
import { keptDoors } from "./kept";
import { KeptAdmissionList } from "./kept_list";
import { Remote } from "./remote";
import { Scans } from "./scans";
import { Signatures } from "./signature";
import { Storage } from "./storage";

const LOCK = "fr-door";
const LOCK_MS = 3000; // the page that is reloaded lets go a little later

/**
 * Open a gate; it is ready when the kept list is in memory, without a network too.
 *
 * Rejects with a `Problem`: `door_open_elsewhere` where another tab of this browser has a gate open,
 * `door_keeps_nothing` where the browser has no IndexedDB or the page no secure origin.
 */
export async function openGate(
  performanceId: string,
  gate: string,
  facts: DoorFacts,
): Promise<Gate> {
  if (!isSecureContext) throw new Problem("door_keeps_nothing");
  const unlock = await locked();
  try {
    const storage = await Storage.open().catch(() => {
      throw new Problem("door_keeps_nothing");
    });
    await storage.sweep(Date.now());
    const kept = new KeptAdmissionList(storage, performanceId, facts.keptUntil);
    const [scans] = await Promise.all([Scans.in(storage), kept.read()]);
    // A page that is kept is older than what the device has heard since.
    const signatures = await Signatures.by(kept.keys ?? facts.keys);
    const release = () => {
      storage.close();
      unlock();
    };
    const remote = new Remote(() => facts.csrf);
    const parts = { performanceId, gate, facts, scans, kept, signatures, remote, release };
    const opened = new DoorGate(parts);
    void opened.catchUp();
    return opened;
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * Delete all that this device keeps of doors, before it changes hands.
 *
 * Returns false, and deletes nothing, where the server has not heard of every scan; true where the
 * browser keeps nothing. Rejects with `door_open_elsewhere` while a gate is open in any tab.
 */
export async function leaveDoor(): Promise<boolean> {
  if (!isSecureContext) return true;
  const unlock = await locked();
  try {
    const storage = await Storage.open().catch(() => undefined);
    if (!storage) return true;
    const isFree = await storage.clear().finally(() => storage.close());
    if (isFree) await keptDoors.dropAll();
    return isFree;
  } finally {
    unlock();
  }
}

/** Delete what is over of performances; pages of the door call it wherever they open. */
export async function sweepDoor(): Promise<void> {
  const storage = await Storage.open();
  await Promise.all([storage.sweep(Date.now()), keptDoors.sweep()]);
  storage.close();
}

/** One gate for a browser: what one tab admits, another must know. */
function locked(): Promise<() => void> {
  return new Promise((opened, refused) => {
    const options = { signal: AbortSignal.timeout(LOCK_MS) };
    navigator.locks
      .request(LOCK, options, () => new Promise<void>((unlock) => opened(unlock)))
      .catch(() => refused(new Problem("door_open_elsewhere")));
  });
}
