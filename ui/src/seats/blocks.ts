/** Free neighbours: what is offered instead of seats that have gone. Pure functions. */

import type { Loss } from "./choice";
import { middleOf } from "./geometry";
import type { Hall } from "./hall";
import { FREE } from "./statuses";

/** Neighbours further apart than this many pitches have an aisle between them. */
const AISLE = 1.6;

/** Whether two seats of one row stand side by side. */
export function areNeighbours(hall: Hall, a: number, b: number): boolean {
  if (hall.rowOf[a] !== hall.rowOf[b]) return false;
  return distance(hall, a, b) <= hall.pitch * AISLE;
}

/** Whether seats of one row stand side by side without a gap. */
export function areTogether(hall: Hall, seats: readonly number[]): boolean {
  const sorted = [...seats].sort((a, b) => a - b);
  return sorted.every((seat, nth) => {
    const before = sorted[nth - 1];
    return before === undefined || (seat === before + 1 && areNeighbours(hall, before, seat));
  });
}

/**
 * Return the free block of `size` neighbours that is nearest to `near`, of the same grade.
 *
 * Accessible seats are offered to who had one, and to nobody else. `undefined`: there is none.
 */
export function nearestBlock(
  hall: Hall,
  statuses: string,
  size: number,
  near: number,
): readonly number[] | undefined {
  const grade = hall.sections[hall.sectionOf[near] ?? 0]?.grade;
  const wanted = hall.accessible[near];
  let best: readonly number[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const row of hall.rows) {
    if (hall.sections[row.section]?.grade !== grade) continue;
    let run: number[] = [];
    for (const seat of row.seats) {
      const isFree = statuses[seat] === FREE && hall.accessible[seat] === wanted;
      const last = run.at(-1);
      if (!isFree) run = [];
      else if (last !== undefined && !areNeighbours(hall, last, seat)) run = [seat];
      else run.push(seat);
      if (run.length < size) continue;
      const block = run.slice(-size);
      const far = block.reduce((sum, one) => sum + distance(hall, one, near), 0);
      if (far < least) [best, least] = [block, far];
    }
  }
  return best;
}

/** Return how many seats of each grade are free. */
export function freeByGrade(hall: Hall, free: readonly number[]): ReadonlyMap<string, number> {
  const found = new Map(hall.grades.map((grade) => [grade, 0]));
  hall.sections.forEach(({ grade }, nth) => {
    found.set(grade, (found.get(grade) ?? 0) + (free[nth] ?? 0));
  });
  return found;
}

/** Return how many seats of each section (by index) are free. */
export function freeBySection(hall: Hall, statuses: string): number[] {
  const letter = FREE.charCodeAt(0);
  return hall.sections.map(({ first, count }) => {
    let free = 0;
    for (let seat = first; seat < first + count; seat += 1) {
      if (statuses.charCodeAt(seat) === letter) free += 1;
    }
    return free;
  });
}

/** Return sections not loaded yet that may have as many free seats as were chosen, the nearest first. */
export function unreadAlternatives(hall: Hall, free: readonly number[], loss: Loss): number[] {
  const size = loss.gone.length + loss.kept.length;
  const lost = hall.sections[hall.sectionOf[loss.gone[0] ?? 0] ?? 0];
  if (!lost) return [];
  const [x, y] = middleOf(lost.box);
  const far = (nth: number) => {
    const [ox, oy] = middleOf(hall.sections[nth]?.box ?? lost.box);
    return Math.hypot(ox - x, oy - y);
  };
  return hall.sections
    .flatMap(({ grade, isLoaded }, nth) =>
      !isLoaded && grade === lost.grade && (free[nth] ?? 0) >= size ? [nth] : [],
    )
    .sort((a, b) => far(a) - far(b));
}

function distance(hall: Hall, a: number, b: number): number {
  const { x, y } = hall;
  return Math.hypot((x[a] ?? 0) - (x[b] ?? 0), (y[a] ?? 0) - (y[b] ?? 0));
}
