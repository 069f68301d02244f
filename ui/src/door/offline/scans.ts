/** The scans of this device: in memory, and on the disk before anybody acts upon one. */

import type { Conflict } from "../gate";
import type { BatchResult } from "./remote";
import { isPending, type KeptScan, type Storage } from "./storage";

/** A list made before this long after an admission may not have it yet. */
const SETTLED_MS = 60_000;

export class Scans {
  readonly #storage: Storage;
  readonly #known: Map<string, KeptScan>;
  /** Scans that count as admissions, by performance and ticket. */
  readonly #live = new Map<string, KeptScan>();

  constructor(storage: Storage, kept: readonly KeptScan[]) {
    this.#storage = storage;
    this.#known = new Map(kept.map((scan) => [scan.scanId, scan]));
    // A disk gives them by their ids: of two scans of a ticket the later one counts.
    for (const scan of [...kept].sort(byTime)) this.#note(scan);
  }

  static async in(storage: Storage): Promise<Scans> {
    return new Scans(storage, await storage.scans());
  }

  get(scanId: string): KeptScan | undefined {
    return this.#known.get(scanId);
  }

  /** What the server has not heard of, the oldest first. */
  pending(): KeptScan[] {
    return [...this.#known.values()].filter(isPending).sort(byTime);
  }

  /** Return what is unsent of these scans by now, of those that are undone or of the others. */
  still(scans: readonly KeptScan[], undone: boolean): KeptScan[] {
    const now = scans.flatMap(({ scanId }) => this.#known.get(scanId) ?? []);
    return now.filter((s) => s.state === "unsent" && (s.undoReason !== null) === undone);
  }

  ofPerformance(performanceId: string): KeptScan[] {
    return [...this.#known.values()].filter((scan) => scan.performanceId === performanceId);
  }

  conflicts(performanceId: string): Conflict[] {
    return this.ofPerformance(performanceId).flatMap(({ scanId, seat, at, refusal }) =>
      refusal
        ? [{ scanId, seat, here: at, there: refusal.at, gate: refusal.gate, outcome: refusal.code }]
        : [],
    );
  }

  /**
   * Return the admission by a ticket that this device made, where it is in force.
   *
   * What a list says that was made later counts more: somebody may have undone it.
   */
  admission(performanceId: string, hash: string, listAsOf: string | null): KeptScan | undefined {
    const scan = this.#live.get(keyOf({ performanceId, hash }));
    if (scan?.state !== "admitted" || listAsOf === null) return scan;
    const heard = Date.parse(scan.sentAt ?? scan.at);
    return heard > Date.parse(listAsOf) - SETTLED_MS ? scan : undefined;
  }

  /** Keep a scan; resolves when it would outlive a loss of power. */
  async keep(scan: KeptScan): Promise<void> {
    await this.#write([scan], []);
  }

  /** Whether the server has something to hear of a ticket first, whatever it would say now. */
  isPending(performanceId: string, hash: string): boolean {
    return this.pending().some((scan) => keyOf(scan) === keyOf({ performanceId, hash }));
  }

  /** Return the admission that is being undone and that a list may still show. */
  undoing(performanceId: string, hash: string): KeptScan | undefined {
    const found = this.pending().filter((scan) => keyOf(scan) === keyOf({ performanceId, hash }));
    return found.find((scan) => scan.undoReason !== null);
  }

  /** Note that the server is being asked about scans: what it has to be undone there. */
  async ask(scans: readonly KeptScan[]): Promise<void> {
    const first = scans.filter((scan) => !scan.wasAsked);
    await this.#write(
      first.map((scan) => ({ ...scan, wasAsked: true })),
      [],
    );
  }

  /** Take a scan back that the server does not have, or note that it is to be undone there. */
  async undo(scan: KeptScan, reason: string): Promise<void> {
    const isHere = scan.state === "conflict" || (scan.state === "unsent" && !scan.wasAsked);
    if (isHere) await this.#write([], [scan.scanId]);
    else await this.#write([{ ...scan, undoReason: reason }], []);
  }

  async drop(scanId: string): Promise<void> {
    await this.#write([], [scanId]);
  }

  /** Note what the server has made of scans; one that it does not name stays unsent. */
  async settle(results: readonly BatchResult[], now: string): Promise<void> {
    const kept: KeptScan[] = [];
    const dropped: string[] = [];
    for (const result of results) {
      const scan = this.#known.get(result.scan_id);
      if (scan?.state !== "unsent") continue;
      const isIn = result.outcome === "admitted";
      if (!isIn && scan.undoReason !== null) dropped.push(scan.scanId);
      else kept.push(isIn ? admitted(scan, result, now) : refused(scan, result, now));
    }
    await this.#write(kept, dropped);
  }

  async #write(kept: readonly KeptScan[], dropped: readonly string[]): Promise<void> {
    if (kept.length + dropped.length === 0) return;
    // Memory first: what the disk refuses still counts until the page is closed.
    for (const scan of kept) {
      this.#known.set(scan.scanId, scan);
      this.#note(scan);
    }
    for (const scanId of dropped) {
      const gone = this.#known.get(scanId);
      this.#known.delete(scanId);
      if (gone) this.#note({ ...gone, undoReason: "" });
    }
    await this.#storage.write(kept, dropped);
  }

  /** A conflict's ticket is in as well: at the other gate. */
  #note(scan: KeptScan): void {
    const key = keyOf(scan);
    if (scan.undoReason === null) this.#live.set(key, scan);
    else if (this.#live.get(key)?.scanId === scan.scanId) this.#live.delete(key);
  }
}

function admitted(scan: KeptScan, result: BatchResult, now: string): KeptScan {
  const checkinId = result.checkin_id ?? null;
  return { ...scan, state: "admitted", code: null, sentAt: now, checkinId };
}

function refused(scan: KeptScan, { outcome, conflict }: BatchResult, now: string): KeptScan {
  const refusal = { code: outcome, at: conflict?.at ?? null, gate: conflict?.gate ?? null };
  return { ...scan, state: "conflict", code: null, sentAt: now, refusal };
}

function byTime(one: KeptScan, other: KeptScan): number {
  return Date.parse(one.at) - Date.parse(other.at);
}

function keyOf({ performanceId, hash }: { performanceId: string; hash: string }): string {
  return `${performanceId}:${hash}`;
}
