/** What a gate keeps on its device, in IndexedDB: lists, and the scans that it has made. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { TicketKey } from "../gate";
import type { Entry } from "./list";

export const DATABASE = "fr-door";

/** How far the list of a performance goes. */
export interface ListMark {
  readonly performanceId: string;
  /** The server's `as_of`, for `since`; its ETag for the same `since`. */
  readonly asOf: string;
  readonly etag: string | null;
  /** Up to when nothing else has changed. */
  readonly checkedAt: string;
  readonly keptUntil: string;
  /** The public keys that tickets were signed by then, as far as the device has heard of them. */
  readonly keys?: readonly TicketKey[];
}

/**
 * A scan that let somebody in, as far as the server has heard of it.
 *
 * - `unsent`: it goes by batch, however often until the server has answered;
 * - `admitted`: the server has it;
 * - `conflict`: the server had to refuse it; the person is in.
 */
export interface KeptScan {
  readonly scanId: string;
  readonly performanceId: string;
  readonly state: "unsent" | "admitted" | "conflict";
  readonly hash: string;
  /** What was scanned, until the server has it. */
  readonly code: string | null;
  readonly gate: string;
  readonly seat: string | null;
  /** When it was scanned, by the server's clock. */
  readonly at: string;
  /** When the server was heard of it. */
  readonly sentAt: string | null;
  /** Whether the server may have it already: it was asked, and no answer came. */
  readonly wasAsked: boolean;
  readonly checkinId: string | null;
  /** Why it is being undone. */
  readonly undoReason: string | null;
  readonly refusal: {
    readonly code: string;
    readonly at: string | null;
    readonly gate: string | null;
  } | null;
  readonly batchUrl: string;
  readonly undoUrl: string;
  readonly keptUntil: string;
}

interface Schema extends DBSchema {
  lists: { key: string; value: ListMark };
  /** As JSON: a browser reads that three times as fast as so many objects. */
  tickets: { key: string; value: { performanceId: string; entries: string } };
  changes: { key: [string, string]; value: Entry & { performanceId: string } };
  scans: { key: string; value: KeptScan };
}

/** What one performance's list was when it was last kept. */
export interface KeptList {
  readonly mark: ListMark;
  readonly entries: readonly Entry[];
  readonly changes: readonly Entry[];
}

/** Rewriting the whole costs more than reading as many changes beside it. */
const MANY_CHANGES = 5000;

export class Storage {
  readonly #db: IDBPDatabase<Schema>;

  constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  /** Open it; rejects where a browser keeps nothing. */
  static async open(name = DATABASE): Promise<Storage> {
    const db = await openDB<Schema>(name, 1, {
      upgrade(made) {
        made.createObjectStore("lists", { keyPath: "performanceId" });
        made.createObjectStore("tickets", { keyPath: "performanceId" });
        made.createObjectStore("changes", { keyPath: ["performanceId", "hash"] });
        made.createObjectStore("scans", { keyPath: "scanId" });
      },
    });
    // Without it a full disk may take everything; a browser that refuses keeps it all the same.
    void navigator.storage?.persist?.().catch(() => undefined);
    return new Storage(db);
  }

  scans(): Promise<KeptScan[]> {
    return this.#db.getAll("scans");
  }

  /** Keep scans, and drop others, all or none; it is on the disk when this resolves. */
  async write(kept: readonly KeptScan[], dropped: readonly string[] = []): Promise<void> {
    const work = this.#db.transaction("scans", "readwrite", { durability: "strict" });
    await allOrNothing(work, () => [
      ...kept.map((scan) => work.store.put(scan)),
      ...dropped.map((scanId) => work.store.delete(scanId)),
    ]);
  }

  async list(performanceId: string): Promise<KeptList | undefined> {
    const work = this.#db.transaction(["lists", "tickets", "changes"]);
    const [mark, whole, changes] = await Promise.all([
      work.objectStore("lists").get(performanceId),
      work.objectStore("tickets").get(performanceId),
      work.objectStore("changes").getAll(rangeOf(performanceId)),
      work.done,
    ]);
    return mark && whole && { mark, entries: JSON.parse(whole.entries) as Entry[], changes };
  }

  /** Keep a whole list in place of what was kept. */
  async replace(mark: ListMark, entries: readonly Entry[]): Promise<void> {
    const { performanceId } = mark;
    const work = this.#db.transaction(["lists", "tickets", "changes"], "readwrite");
    await allOrNothing(work, () => [
      work.objectStore("tickets").put({ performanceId, entries: JSON.stringify(entries) }),
      work.objectStore("changes").delete(rangeOf(performanceId)),
      work.objectStore("lists").put(mark),
    ]);
  }

  /** Keep what has changed in a list. */
  async change(mark: ListMark, entries: readonly Entry[]): Promise<void> {
    const { performanceId } = mark;
    const work = this.#db.transaction(["lists", "changes"], "readwrite");
    const changes = work.objectStore("changes");
    await allOrNothing(work, () => [
      ...entries.map((entry) => changes.put({ ...entry, performanceId })),
      work.objectStore("lists").put(mark),
    ]);
  }

  /** Lay the changes of a list into it, where they have become many. */
  async tidy({ mark, changes }: KeptList, entries: () => readonly Entry[]): Promise<void> {
    if (changes.length > MANY_CHANGES) await this.replace(mark, entries());
  }

  /** Delete what was kept until a moment (ms) before: lists, and scans that the server has. */
  async sweep(now: number): Promise<void> {
    const marks = await this.#db.getAll("lists");
    for (const { performanceId } of marks.filter((mark) => isOver(mark, now))) {
      await this.#forget(performanceId);
    }
    const old = (await this.scans()).filter((scan) => isOver(scan, now) && !isPending(scan));
    await this.write(
      [],
      old.map((scan) => scan.scanId),
    );
  }

  /** Delete everything; returns false, and deletes nothing, where scans are unsent. */
  async clear(): Promise<boolean> {
    const names = ["lists", "tickets", "changes", "scans"] as const;
    const work = this.#db.transaction(names, "readwrite");
    const isFree = !(await work.objectStore("scans").getAll()).some(isPending);
    if (isFree) await Promise.all(names.map((name) => work.objectStore(name).clear()));
    await work.done;
    return isFree;
  }

  close(): void {
    this.#db.close();
  }

  async #forget(performanceId: string): Promise<void> {
    const work = this.#db.transaction(["lists", "tickets", "changes"], "readwrite");
    await Promise.all([
      work.objectStore("lists").delete(performanceId),
      work.objectStore("tickets").delete(performanceId),
      work.objectStore("changes").delete(rangeOf(performanceId)),
      work.done,
    ]);
  }
}

interface Work {
  readonly done: Promise<void>;
  abort(): void;
}

/**
 * Make the requests of a transaction; resolves once it is on the disk, and rejects where nothing of
 * it is. A request that cannot be made (it throws) would leave those before it to be carried out.
 */
async function allOrNothing(work: Work, requests: () => Promise<unknown>[]): Promise<void> {
  work.done.catch(() => undefined); // it is awaited below, unless a request cannot be made
  try {
    await Promise.all([...requests(), work.done]);
  } catch (error) {
    try {
      work.abort();
    } catch {
      // It has ended by itself.
    }
    throw error;
  }
}

/** Whether the server has not heard yet what became of a scan. */
export function isPending({ state, undoReason }: KeptScan): boolean {
  return state === "unsent" || undoReason !== null;
}

function isOver({ keptUntil }: { keptUntil: string }, now: number): boolean {
  return Date.parse(keptUntil) <= now;
}

function rangeOf(performanceId: string): IDBKeyRange {
  return IDBKeyRange.bound([performanceId], [performanceId, []]);
}
