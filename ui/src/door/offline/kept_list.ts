/** The admission list of one performance: read from the device, kept fresh from the server. */

import { serverClock } from "../../core/clock";
import { AdmissionList, entryOf } from "./list";
import type { Remote } from "./remote";
import type { ListMark, Storage } from "./storage";

export class KeptAdmissionList {
  readonly list = new AdmissionList();
  readonly #storage: Storage;
  readonly #performanceId: string;
  readonly #keptUntil: string;
  #mark: ListMark | undefined;

  constructor(storage: Storage, performanceId: string, keptUntil: string) {
    this.#storage = storage;
    this.#performanceId = performanceId;
    this.#keptUntil = keptUntil;
  }

  /** Up to when the list knows everything; null without one. */
  get asOf(): string | null {
    return this.#mark?.checkedAt ?? null;
  }

  /** Read what the device has. */
  async read(): Promise<void> {
    const kept = await this.#storage.list(this.#performanceId);
    if (!kept) return;
    this.list.put(kept.entries);
    this.list.put(kept.changes);
    this.#mark = kept.mark;
    await this.#storage.tidy(kept, () => this.list.all());
  }

  /** Ask for what has changed, or for all of it; throws the `Problem` where that fails. */
  async refresh(remote: Remote, url: string): Promise<void> {
    const [before, since] = [this.#mark, this.#mark?.asOf ?? null];
    const asked = new Date(serverClock.now()).toISOString();
    const found = await remote.list(url, since, before?.etag ?? null);
    if (!found) {
      if (before) await this.#keep({ ...before, checkedAt: asked, keptUntil: this.#keptUntil });
      return;
    }
    const { as_of: asOf, tickets } = found.document;
    const mark = {
      performanceId: this.#performanceId,
      asOf,
      // A full list's tag is no tag of what changes since.
      etag: before ? found.etag : null,
      checkedAt: asOf,
      keptUntil: this.#keptUntil,
    };
    const entries = tickets.map(entryOf);
    this.list.put(entries);
    this.#mark = mark;
    if (before) await this.#storage.change(mark, entries);
    else await this.#storage.replace(mark, entries);
  }

  async #keep(mark: ListMark): Promise<void> {
    this.#mark = mark;
    await this.#storage.change(mark, []);
  }
}
