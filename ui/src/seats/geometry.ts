/** Points, boxes and hulls in the units of a layout. Pure functions. */

export type Point = readonly [x: number, y: number];
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Return the smallest box around some points. */
export function boundsOf(points: readonly Point[]): Box {
  let [left, top] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let [right, bottom] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return points.length > 0
    ? { left, top, right, bottom }
    : { left: 0, top: 0, right: 0, bottom: 0 };
}

export function middleOf({ left, top, right, bottom }: Box): Point {
  return [(left + right) / 2, (top + bottom) / 2];
}

/** Return the convex hull of some points (Andrew's monotone chain), without a closing point. */
export function hull(points: readonly Point[]): readonly Point[] {
  const sorted = [...points].sort(([ax, ay], [bx, by]) => ax - bx || ay - by);
  if (sorted.length < 3) return sorted;
  const lower = chain(sorted);
  const upper = chain(sorted.reverse());
  return [...lower.slice(0, -1), ...upper.slice(0, -1)];
}

function chain(points: readonly Point[]): Point[] {
  const made: Point[] = [];
  for (const point of points) {
    while (made.length >= 2 && !turnsLeft(made.at(-2), made.at(-1), point)) made.pop();
    made.push(point);
  }
  return made;
}

function turnsLeft(a: Point | undefined, b: Point | undefined, c: Point): boolean {
  if (!a || !b) return true;
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0;
}

/** Where a picture of the hall stands in a view of `width` x `height` CSS pixels. */
export interface Fit {
  readonly scale: number;
  readonly dx: number;
  readonly dy: number;
}

/** Return how a box fills a view, in its middle, with a margin (CSS pixels). */
export function fit(box: Box, width: number, height: number, margin: number): Fit {
  const [w, h] = [Math.max(box.right - box.left, 1e-6), Math.max(box.bottom - box.top, 1e-6)];
  const scale = Math.min((width - 2 * margin) / w, (height - 2 * margin) / h);
  const [x, y] = middleOf(box);
  return { scale, dx: width / 2 - x * scale, dy: height / 2 - y * scale };
}
