/** From the units of a layout to the pixels of a picture, and back. Pure. */

import { type Box, type Fit, fit, type Point } from "./geometry";

/** What the fan has done to the picture: scale and shift, as d3-zoom counts them. */
export interface Move {
  readonly k: number;
  readonly x: number;
  readonly y: number;
}

export const REST: Move = { k: 1, x: 0, y: 0 };
/** From this size on (CSS pixels between neighbours) seats can be pressed one by one. */
export const PRESSABLE_PX = 24;
const MARGIN_PX = 12;
/** How much is drawn beyond each edge of the view, so that a drag shows no blank. */
export const OVERDRAW = 0.25;

export class Camera {
  readonly width: number;
  readonly height: number;
  readonly move: Move;
  readonly #fit: Fit;
  readonly #pitch: number;

  constructor(box: Box, pitch: number, width: number, height: number, move: Move = REST) {
    this.width = width;
    this.height = height;
    this.move = move;
    this.#fit = fit(box, width, height, MARGIN_PX);
    this.#pitch = pitch;
  }

  /** CSS pixels for one unit of the layout. */
  get scale(): number {
    return this.#fit.scale * this.move.k;
  }

  /** CSS pixels between two neighbours. */
  get seatPx(): number {
    return this.#pitch * this.scale;
  }

  /** The scale `k` at which neighbours are `px` CSS pixels apart. */
  scaleFor(px: number): number {
    return px / (this.#pitch * this.#fit.scale);
  }

  /** Return a point of the layout in CSS pixels of the view. */
  toView([x, y]: Point): Point {
    const { k, x: dx, y: dy } = this.move;
    const { scale, dx: fx, dy: fy } = this.#fit;
    return [(x * scale + fx) * k + dx, (y * scale + fy) * k + dy];
  }

  /** Return a point of the view in units of the layout. */
  toHall([x, y]: Point): Point {
    const { k, x: dx, y: dy } = this.move;
    const { scale, dx: fx, dy: fy } = this.#fit;
    return [((x - dx) / k - fx) / scale, ((y - dy) / k - fy) / scale];
  }

  /** Return the part of the layout that is drawn: the view and what lies just beyond it. */
  get drawn(): Box {
    return this.#around(this.width * OVERDRAW, this.height * OVERDRAW);
  }

  /** Return the part of the layout that is in the view. */
  get shown(): Box {
    return this.#around(0, 0);
  }

  #around(mx: number, my: number): Box {
    const [left, top] = this.toHall([-mx, -my]);
    const [right, bottom] = this.toHall([this.width + mx, this.height + my]);
    return { left, top, right, bottom };
  }

  /** Return the move that brings a point of the layout into the middle at scale `k`. */
  centred([x, y]: Point, k: number): Move {
    const { scale, dx, dy } = this.#fit;
    const [px, py] = [x * scale + dx, y * scale + dy];
    return { k, x: this.width / 2 - px * k, y: this.height / 2 - py * k };
  }

  /** Return how a picture drawn for this camera is shifted and scaled to look as by `other`. */
  cssFor(other: Camera): string {
    const ratio = other.move.k / this.move.k;
    const x = other.move.x - this.move.x * ratio;
    const y = other.move.y - this.move.y * ratio;
    return `translate(${x}px, ${y}px) scale(${ratio})`;
  }
}
