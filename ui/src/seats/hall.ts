/** The hall as arrays by seat index: its sections from the outline, their seats as they are loaded. */

import type { components } from "../../generated/api";
import type { Money } from "../core/format";
import { type Box, boundsOf, type Point } from "./geometry";

export type OutlineDocument = components["schemas"]["Outline"];
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
  /** The index of its first seat; the others follow. */
  readonly first: number;
  readonly count: number;
  readonly outline: readonly Point[];
  readonly box: Box;
  /** Indexes into `Hall.rows`; none before its seats are loaded. */
  rows: readonly number[];
  isLoaded: boolean;
}

export interface Hall {
  readonly version: number;
  readonly count: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly sectionOf: Uint16Array;
  readonly rowOf: Uint32Array;
  readonly accessible: Uint8Array;
  readonly ids: string[];
  readonly numbers: string[];
  readonly rows: Row[];
  readonly sections: readonly Section[];
  /** Grade codes in order of first appearance: their position is their colour. */
  readonly grades: readonly string[];
  readonly stage: readonly Point[];
  /** Around the sections and the stage. */
  readonly box: Box;
  readonly indexOf: Map<string, number>;
  /** The usual distance of two neighbours, in units of the layout; estimated before seats are there. */
  pitch: number;
}

/** Return the hall of an outline, without a seat's place. */
export function hallOf(document: OutlineDocument): Hall {
  const shown = document.sections.filter(({ seats }) => seats > 0);
  const count = shown.reduce((most, one) => Math.max(most, (one.first_index ?? 0) + one.seats), 0);
  const sectionOf = new Uint16Array(count);
  const sections = shown.map((one, nth): Section => {
    const first = one.first_index ?? 0;
    sectionOf.fill(nth, first, first + one.seats);
    const outline = one.outline.map(pointOf);
    const { code, name, grade, price, seats } = one;
    const box = boundsOf(outline);
    return {
      ...{ code, name, grade, price, first, count: seats, outline, box },
      ...{ rows: [], isLoaded: false },
    };
  });
  const pitch = roughPitch(sections);
  const around = boundsOf(sections.flatMap(({ outline }) => outline));
  const stage = document.stage?.map(pointOf) ?? stageBefore(around, pitch, focusOf(document));
  return {
    version: document.layout_version,
    count,
    x: new Float32Array(count),
    y: new Float32Array(count),
    sectionOf,
    rowOf: new Uint32Array(count),
    accessible: new Uint8Array(count),
    ids: new Array<string>(count).fill(""),
    numbers: new Array<string>(count).fill(""),
    rows: [],
    sections,
    grades: [...new Set(sections.map(({ grade }) => grade))],
    stage,
    box: boundsOf([...sections.flatMap(({ outline }) => outline), ...stage]),
    indexOf: new Map(),
    pitch,
  };
}

/** Fill in the seats of a seat map document; returns the sections (by index) that are new. */
export function addSeats(hall: Hall, document: SeatMapDocument): number[] {
  const isFirst = hall.rows.length === 0;
  const at = new Map(hall.sections.map(({ code }, nth) => [code, nth]));
  const found: number[] = [];
  for (const { code, rows } of document.sections) {
    const nth = at.get(code);
    const section = nth === undefined ? undefined : hall.sections[nth];
    if (nth === undefined || !section || section.isLoaded) continue;
    section.rows = rows.map((row) => addRow(hall, nth, row));
    section.isLoaded = true;
    found.push(nth);
  }
  if (isFirst) hall.pitch = pitchOf(hall) ?? hall.pitch;
  return found;
}

function addRow(
  hall: Hall,
  section: number,
  row: SeatMapDocument["sections"][number]["rows"][number],
): number {
  const place = hall.rows.length;
  for (const { index, id, number, x, y, accessible } of row.seats) {
    hall.x[index] = x;
    hall.y[index] = y;
    hall.rowOf[index] = place;
    hall.accessible[index] = accessible ? 1 : 0;
    hall.ids[index] = id;
    hall.numbers[index] = number;
    hall.indexOf.set(id, index);
  }
  hall.rows.push({ section, label: row.label, seats: row.seats.map(({ index }) => index) });
  return place;
}

/** Return the sections (by index) that have these codes. */
export function sectionsOf(hall: Hall, codes: readonly string[]): number[] {
  return hall.sections.flatMap(({ code }, nth) => (codes.includes(code) ? [nth] : []));
}

function pointOf([x = 0, y = 0]: readonly number[]): Point {
  return [x, y];
}

/** Return the side of a square that a seat has for itself in the densest section. */
function roughPitch(sections: readonly Section[]): number {
  const sides = sections
    .map(({ outline, count }) => Math.sqrt(areaOf(outline) / count))
    .filter((side) => side > 0);
  return sides.length > 0 ? Math.min(...sides) : 1;
}

function areaOf(outline: readonly Point[]): number {
  let doubled = 0;
  outline.forEach(([x, y], nth) => {
    const [px, py] = outline.at(nth - 1) ?? [x, y];
    doubled += px * y - x * py;
  });
  return Math.abs(doubled) / 2;
}

/** Return the middle of the focal points, where a layout has some. */
function focusOf({ sections }: OutlineDocument): Point | undefined {
  const known = sections.flatMap(({ focal }) => (focal ? [focal] : []));
  if (known.length === 0) return undefined;
  const mean = (of: "x" | "y") => known.reduce((sum, one) => sum + one[of], 0) / known.length;
  return [mean("x"), mean("y")];
}

/** A layout without a stage gets one along the first row, or along the last if that has the view. */
function stageBefore(around: Box, pitch: number, focus: Point | undefined): Point[] {
  const { left, right, top, bottom } = around;
  const sixth = (right - left) / 6;
  const middle = Math.min(right - sixth, Math.max(left + sixth, focus?.[0] ?? (left + right) / 2));
  const isBelow = focus !== undefined && focus[1] > (top + bottom) / 2 && focus[1] >= bottom;
  const depth = Math.max(pitch * 2, (bottom - top) / 25);
  const [near, far] = isBelow
    ? [bottom + pitch, bottom + pitch + depth]
    : [top - pitch, top - pitch - depth];
  return [
    [middle - sixth, near],
    [middle + sixth, near],
    [middle + sixth, far],
    [middle - sixth, far],
  ];
}

/** Return the median distance of neighbours; `undefined` where a hall has none. */
function pitchOf({ rows, x, y }: Hall): number | undefined {
  const found: number[] = [];
  for (const { seats } of rows) {
    for (let nth = 1; nth < seats.length && found.length < 2000; nth += 1) {
      const [a = 0, b = 0] = [seats[nth - 1], seats[nth]];
      const distance = Math.hypot((x[a] ?? 0) - (x[b] ?? 0), (y[a] ?? 0) - (y[b] ?? 0));
      if (distance > 0) found.push(distance);
    }
  }
  found.sort((a, b) => a - b);
  return found[Math.floor(found.length / 2)];
}
