/** What is read of a hall, and when: its outline at once, its seats as they come into view. */

import type { Api } from "../core/api";
import { type Box, meets } from "./geometry";
import { addSeats, type Hall, hallOf, type SeatMapDocument } from "./hall";

const OUTLINE = "/api/v1/performances/{performance_id}/seatmap/outline/";
const SEAT_MAP = "/api/v1/performances/{performance_id}/seatmap/";
/** A hall of at most so many seats is read as one; of a larger one, so many in view. */
const AT_ONCE = 5000;
/** From this size on (CSS pixels between neighbours) a section is worth its seats, however large. */
const WORTH_PX = 12;
const REQUESTS = 4;
const SECONDS = 30;

/** The seats belong to another layout than the outline: the hall is to be read again. */
export class LayoutChanged extends Error {}

/** Return the sections (by index) to load for what is in view. Pure. */
export function wantedIn(hall: Hall, view: Box, seatPx: number): number[] {
  const all = hall.sections.map((_, nth) => nth);
  const isSmall = hall.count <= AT_ONCE;
  const shown = isSmall ? all : all.filter((nth) => meets(hall.sections[nth]?.box, view));
  const seats = shown.reduce((sum, nth) => sum + (hall.sections[nth]?.count ?? 0), 0);
  if (seats > AT_ONCE && seatPx < WORTH_PX) return [];
  return shown.filter((nth) => !hall.sections[nth]?.isLoaded);
}

function breath(): Promise<void> {
  return new Promise((done) => setTimeout(done));
}

export class HallLoader {
  readonly #api: Api;
  readonly #params: { performance_id: string };
  readonly #added: (hall: Hall, sections: readonly number[]) => void;
  #pending = new Map<string, Promise<void>>();
  #slots: Promise<unknown>[] = [];
  #hall: Hall | undefined;

  /** `added` is called with the sections whose seats have come. */
  constructor(
    api: Api,
    performanceId: string,
    added: (hall: Hall, sections: readonly number[]) => void,
  ) {
    this.#api = api;
    this.#params = { performance_id: performanceId };
    this.#added = added;
  }

  /** Read the outline; raises Problem. Seats that are still on their way to the hall before are dropped. */
  async outline(): Promise<Hall> {
    const options = { params: this.#params, anonymous: true, seconds: SECONDS };
    const hall = hallOf(await this.#api.get(OUTLINE, options));
    this.#hall = hall;
    this.#pending = new Map();
    return hall;
  }

  /** Read the seats of some sections; raises Problem or LayoutChanged. Each is asked for once. */
  async load(sections: readonly number[]): Promise<void> {
    const hall = this.#hall;
    if (!hall) return;
    const missing = sections.filter((nth) => !hall.sections[nth]?.isLoaded);
    const isSmall = hall.count <= AT_ONCE;
    const codes = missing.map((nth) => (isSmall ? "" : (hall.sections[nth]?.code ?? "")));
    await Promise.all([...new Set(codes)].map((code) => this.#once(hall, code)));
  }

  #once(hall: Hall, code: string): Promise<void> {
    const before = this.#pending.get(code);
    if (before) return before;
    const asked = this.#read(hall, code);
    this.#pending.set(code, asked);
    const forget = () => this.#pending.delete(code);
    asked.then(forget, forget);
    return asked;
  }

  /** A few requests at a time, so that the states of seats are not kept waiting. */
  async #read(hall: Hall, code: string): Promise<void> {
    const before = this.#slots.length >= REQUESTS ? this.#slots.shift() : undefined;
    const asked = (before ?? Promise.resolve()).then(() => this.#get(code));
    this.#slots.push(asked.catch(() => undefined));
    const document = await asked;
    if (hall !== this.#hall) return;
    if (document.layout_version !== hall.version) throw new LayoutChanged();
    // To parse, to fill in and to draw are tasks of their own: a press in between is answered.
    await breath();
    const found = addSeats(hall, document);
    await breath();
    if (hall === this.#hall) this.#added(hall, found);
  }

  #get(code: string): Promise<SeatMapDocument> {
    const query = code ? { query: { section: code } } : {};
    return this.#api.get(SEAT_MAP, {
      ...{ params: this.#params, anonymous: true, seconds: SECONDS },
      ...query,
    });
  }
}
