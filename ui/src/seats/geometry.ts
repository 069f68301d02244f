/** Points, boxes and outlines in the units of a layout. Pure functions. */

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

/** Whether two boxes have a point in common. */
export function meets(one: Box | undefined, other: Box): boolean {
  if (!one) return false;
  const isBeside = one.left > other.right || one.right < other.left;
  return !isBeside && one.top <= other.bottom && one.bottom >= other.top;
}

/** Whether a point lies within an outline (crossings of a ray to the right). */
export function isWithin([x, y]: Point, outline: readonly Point[]): boolean {
  let crossings = 0;
  outline.forEach(([ax, ay], nth) => {
    const [bx, by] = outline.at(nth - 1) ?? [ax, ay];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) crossings += 1;
  });
  return crossings % 2 === 1;
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
