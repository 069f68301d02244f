/** Where the keys lead in a hall: by geometry, across aisles and the edges of sections. Pure. */

import type { Point } from "./geometry";
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
  const from = [hall.x[seat] ?? 0, hall.y[seat] ?? 0] as const;
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const other of among) {
    const to = [hall.x[other] ?? 0, hall.y[other] ?? 0] as const;
    const far = effort(from, to, direction, hall.pitch);
    if (far < least && other !== seat) [best, least] = [other, far];
  }
  return best;
}

/**
 * Return the section (by index) whose seats must be loaded before an arrow can be followed: one that
 * begins nearer in that direction than the seat that `step` would lead to. `undefined`: none.
 */
export function sectionAhead(hall: Hall, seat: number, direction: Direction): number | undefined {
  const next = step(hall, seat, direction);
  if (next !== seat && hall.rowOf[next] === hall.rowOf[seat]) return undefined;
  const from = [hall.x[seat] ?? 0, hall.y[seat] ?? 0] as const;
  let best: number | undefined;
  let least =
    next === seat
      ? Number.POSITIVE_INFINITY
      : effort(from, [hall.x[next] ?? 0, hall.y[next] ?? 0], direction, hall.pitch);
  hall.sections.forEach(({ isLoaded, box }, nth) => {
    if (isLoaded) return;
    const nearest = [
      Math.min(box.right, Math.max(box.left, from[0])),
      Math.min(box.bottom, Math.max(box.top, from[1])),
    ] as const;
    const far = effort(from, nearest, direction, hall.pitch);
    if (far < least) [best, least] = [nth, far];
  });
  return best;
}

/** Return how far it is from one point to another by a direction; infinite where it lies elsewhere. */
function effort([x, y]: Point, [ox, oy]: Point, direction: Direction, pitch: number): number {
  const [dx, dy] = VECTORS[direction];
  const along = (ox - x) * dx + (oy - y) * dy;
  const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
  // A direction is a quarter of the circle: what is more aside than ahead lies elsewhere.
  const isElsewhere = along <= 0 || aside > along + pitch;
  return isElsewhere ? Number.POSITIVE_INFINITY : along + SIDEWAYS * aside;
}

/** Return the first or last seat of a seat's row. */
export function rowEnd(hall: Hall, seat: number, end: "first" | "last"): number {
  const seats = hall.rows[hall.rowOf[seat] ?? 0]?.seats ?? [];
  const left = seats[0] ?? seat;
  const right = seats.at(-1) ?? seat;
  const [first, last] = (hall.x[left] ?? 0) <= (hall.x[right] ?? 0) ? [left, right] : [right, left];
  return end === "first" ? first : last;
}

/** Return the section (by index) before or after a seat's own, round and round. */
export function otherSection(hall: Hall, seat: number, by: 1 | -1): number {
  const count = hall.sections.length;
  return ((hall.sectionOf[seat] ?? 0) + by + count) % count;
}
