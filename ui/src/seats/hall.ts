/** The hall: a seat map document as arrays by seat index, ready to be drawn and searched. */

import type { components } from "../../generated/api";
import type { Money } from "../core/format";
import { type Box, boundsOf, hull, type Point } from "./geometry";

export type SeatMapDocument = components["schemas"]["SeatMap"];

export interface Row {
  readonly section: number;
  readonly label: string;
  /** Seat indexes in the order of the layout, which is the order of neighbours. */
  readonly seats: readonly number[];
}

export interface Section {
  readonly code: string;
  readonly name: string;
  readonly grade: string;
  readonly price: Money;
  /** Indexes into `Hall.rows`. */
  readonly rows: readonly number[];
  readonly outline: readonly Point[];
  readonly box: Box;
}

export interface Hall {
  readonly version: number;
  readonly count: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly sectionOf: Uint16Array;
  readonly rowOf: Uint32Array;
  readonly accessible: Uint8Array;
  readonly ids: readonly string[];
  readonly numbers: readonly string[];
  readonly rows: readonly Row[];
  readonly sections: readonly Section[];
  /** Grade codes in order of first appearance: their position is their colour. */
  readonly grades: readonly string[];
  readonly box: Box;
  /** The usual distance of two neighbours, in units of the layout. */
  readonly pitch: number;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** Return the hall of a seat map document. */
export function hallOf(document: SeatMapDocument): Hall {
  const all = document.sections.flatMap((section) => section.rows.flatMap((row) => row.seats));
  const count = all.reduce((most, seat) => Math.max(most, seat.index + 1), 0);
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const sectionOf = new Uint16Array(count);
  const rowOf = new Uint32Array(count);
  const accessible = new Uint8Array(count);
  const ids = new Array<string>(count).fill("");
  const numbers = new Array<string>(count).fill("");
  const rows: Row[] = [];
  const rowsOf: number[][] = [];
  document.sections.forEach((section, nth) => {
    const own: number[] = [];
    rowsOf.push(own);
    for (const row of section.rows) {
      for (const seat of row.seats) {
        const { index } = seat;
        x[index] = seat.x;
        y[index] = seat.y;
        sectionOf[index] = nth;
        rowOf[index] = rows.length;
        accessible[index] = seat.accessible ? 1 : 0;
        ids[index] = seat.id;
        numbers[index] = seat.number;
      }
      own.push(rows.length);
      rows.push({ section: nth, label: row.label, seats: row.seats.map(({ index }) => index) });
    }
  });
  const pitch = pitchOf(rows, x, y);
  const sections = document.sections.map((section, nth): Section => {
    const own = rowsOf[nth] ?? [];
    const outline = hull(own.flatMap((at) => corners(rows[at], x, y, pitch / 2)));
    const { code, name, grade, price } = section;
    return { code, name, grade, price, rows: own, outline, box: boundsOf(outline) };
  });
  return {
    version: document.layout_version,
    count,
    x,
    y,
    sectionOf,
    rowOf,
    accessible,
    ids,
    numbers,
    rows,
    sections,
    grades: [...new Set(sections.map(({ grade }) => grade))],
    box: boundsOf(sections.flatMap(({ outline }) => outline)),
    pitch,
    indexOf: new Map(ids.map((id, index) => [id, index])),
  };
}

/** Return the median distance of neighbours; 1 where a hall has none. */
function pitchOf(rows: readonly Row[], x: Float32Array, y: Float32Array): number {
  const found: number[] = [];
  for (const { seats } of rows) {
    for (let nth = 1; nth < seats.length && found.length < 2000; nth += 1) {
      const [a = 0, b = 0] = [seats[nth - 1], seats[nth]];
      const distance = Math.hypot((x[a] ?? 0) - (x[b] ?? 0), (y[a] ?? 0) - (y[b] ?? 0));
      if (distance > 0) found.push(distance);
    }
  }
  found.sort((a, b) => a - b);
  return found[Math.floor(found.length / 2)] ?? 1;
}

/** Return the corners of a row's outermost seats, looked at from eight sides. */
function corners(row: Row | undefined, x: Float32Array, y: Float32Array, half: number): Point[] {
  const outermost = new Set<number>();
  for (let side = 0; side < 8; side += 1) {
    const [dx, dy] = [Math.cos((side * Math.PI) / 4), Math.sin((side * Math.PI) / 4)];
    let best: number | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const seat of row?.seats ?? []) {
      const far = (x[seat] ?? 0) * dx + (y[seat] ?? 0) * dy;
      if (far > most) [best, most] = [seat, far];
    }
    if (best !== undefined) outermost.add(best);
  }
  return [...outermost].flatMap((seat): Point[] => {
    const [sx, sy] = [x[seat] ?? 0, y[seat] ?? 0];
    return [
      [sx - half, sy - half],
      [sx + half, sy - half],
      [sx - half, sy + half],
      [sx + half, sy + half],
    ];
  });
}
