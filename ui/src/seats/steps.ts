/** Where the keys lead in a hall: by geometry, across aisles and the edges of sections. Pure. */

import type { Hall } from "./hall";

export type Direction = "left" | "right" | "up" | "down";
/** How much a seat beside the way counts against one on it. */
const SIDEWAYS = 3;

const VECTORS: Readonly<Record<Direction, readonly [number, number]>> = {
  left: [-1, 0],
  right: [1, 0],
  up: [0, -1],
  down: [0, 1],
};

/**
 * Return the seat that an arrow leads to from `seat`, or the seat itself at the edge of the hall.
 *
 * It is the nearest one in that direction, where a step aside counts three times; the seats of the
 * own row come first for left and right.
 */
export function step(hall: Hall, seat: number, direction: Direction): number {
  const isSideways = direction === "left" || direction === "right";
  const row = hall.rows[hall.rowOf[seat] ?? 0];
  const inRow = isSideways ? nearest(hall, seat, direction, row?.seats ?? []) : undefined;
  if (inRow !== undefined) return inRow;
  const others = hall.rows.flatMap(({ seats }, at) => (at === hall.rowOf[seat] ? [] : seats));
  return nearest(hall, seat, direction, others) ?? seat;
}

function nearest(
  hall: Hall,
  seat: number,
  direction: Direction,
  among: readonly number[],
): number | undefined {
  const [dx, dy] = VECTORS[direction];
  const [x, y] = [hall.x[seat] ?? 0, hall.y[seat] ?? 0];
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const other of among) {
    const [ox, oy] = [(hall.x[other] ?? 0) - x, (hall.y[other] ?? 0) - y];
    const along = ox * dx + oy * dy;
    const aside = Math.abs(ox * dy) + Math.abs(oy * dx);
    // A direction is a quarter of the circle: what is more aside than ahead lies elsewhere.
    if (along <= 0 || other === seat || aside > along + hall.pitch) continue;
    const far = along + SIDEWAYS * aside;
    if (far < least) [best, least] = [other, far];
  }
  return best;
}

/** Return the first or last seat of a seat's row. */
export function rowEnd(hall: Hall, seat: number, end: "first" | "last"): number {
  const seats = hall.rows[hall.rowOf[seat] ?? 0]?.seats ?? [];
  const left = seats[0] ?? seat;
  const right = seats.at(-1) ?? seat;
  const [first, last] = (hall.x[left] ?? 0) <= (hall.x[right] ?? 0) ? [left, right] : [right, left];
  return end === "first" ? first : last;
}

/** Return the first seat of the section before or after a seat's own, round and round. */
export function otherSection(hall: Hall, seat: number, by: 1 | -1): number {
  const count = hall.sections.length;
  const at = ((hall.sectionOf[seat] ?? 0) + by + count) % count;
  const row = hall.rows[hall.sections[at]?.rows[0] ?? 0];
  return row?.seats[0] ?? seat;
}
