/** The admission list of one performance, and the keys of its tickets: read from the device, kept fresh. */

import { serverClock } from "../../core/clock";
import { Problem } from "../../core/problem";
import type { DoorFacts, TicketKey } from "../gate";
import { AdmissionList, type Entry, entryOf } from "./list";
import type { Remote } from "./remote";
import type { ListMark, Storage } from "./storage";

type Addresses = Pick<DoorFacts, "listUrl" | "keysUrl">;

export class KeptAdmissionList {
  readonly list = new AdmissionList();
  readonly #storage: Storage;
  readonly #performanceId: string;
  readonly #keptUntil: string;
  #mark: ListMark | undefined;
  /** What the disk lacks of it: changes by their hashes, or all of it. */
  readonly #unkept = new Map<string, Entry>();
  #isKept = false;

  constructor(storage: Storage, performanceId: string, keptUntil: string) {
    this.#storage = storage;
    this.#performanceId = performanceId;
    this.#keptUntil = keptUntil;
  }

  /** Up to when the list knows everything; null without one. */
  get asOf(): string | null {
    return this.#mark?.checkedAt ?? null;
  }

  /** The public keys as they were at the last look; undefined before the first. */
  get keys(): readonly TicketKey[] | undefined {
    return this.#mark?.keys;
  }

  /** Read what the device has. */
  async read(): Promise<void> {
    const kept = await this.#storage.list(this.#performanceId);
    if (!kept) return;
    this.list.put(kept.entries);
    this.list.put(kept.changes);
    this.#mark = kept.mark;
    this.#isKept = true;
    await this.#storage.tidy(kept, () => this.list.all());
  }

  /**
   * Ask for what has changed, or for all of it, and for the keys; throws the `Problem` where the list
   * is not to be had. With the signal it ends at once, and what was known stays.
   */
  async refresh(remote: Remote, facts: Addresses, signal: AbortSignal): Promise<void> {
    const before = this.#mark;
    const asked = new Date(serverClock.now()).toISOString();
    const [found, fresh] = await Promise.all([
      remote.list(facts.listUrl, before?.asOf ?? null, before?.etag ?? null, signal),
      remote.keys(facts.keysUrl, signal).catch(unlessAborted(signal)),
    ]);
    const keys = fresh ?? before?.keys;
    const both = { keptUntil: this.#keptUntil, ...(keys ? { keys } : {}) };
    if (!found) {
      if (before) await this.#keep({ ...before, ...both, checkedAt: asked }, []);
      return;
    }
    const { as_of: asOf, tickets } = found.document;
    // A full list's tag is no tag of what changes since.
    const etag = before ? found.etag : null;
    const place = { performanceId: this.#performanceId, asOf, etag, checkedAt: asOf };
    await this.#keep({ ...place, ...both }, tickets.map(entryOf));
  }

  /**
   * Know changes at once, and keep them: the disk's mark never goes further than what it has, so what
   * it refused goes with what comes next.
   */
  async #keep(mark: ListMark, changes: readonly Entry[]): Promise<void> {
    this.list.put(changes);
    this.#mark = mark;
    for (const entry of changes) this.#unkept.set(entry.hash, entry);
    if (this.#isKept) await this.#storage.change(mark, [...this.#unkept.values()]);
    else await this.#storage.replace(mark, this.list.all());
    this.#isKept = true;
    this.#unkept.clear();
  }
}

/** Without the keys a list is as good as before: those that are known go on. */
function unlessAborted(signal: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (signal.aborted || !(error instanceof Problem)) throw error;
    return undefined;
  };
}
