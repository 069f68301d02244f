/** The seats of a performance as coloured squares, for staff: which are free, held, sold, blocked. */

/** A seat on the map: its index in the statuses, and where it stands in units of the layout. */
export interface MapSeat {
  readonly index: number;
  readonly x: number;
  readonly y: number;
}

interface SeatMap {
  readonly sections: readonly {
    readonly rows: readonly {
      readonly seats: readonly MapSeat[];
    }[];
  }[];
}

const COLOURS: Readonly<Record<string, string>> = {
  A: "--fr-map-grade-3",
  T: "--fr-map-grade-5",
  R: "--fr-map-grade-1",
  B: "--fr-map-muted",
};
const MARGIN = 8;

/** Where a seat stands on the picture, in its pixels. */
interface Spot {
  readonly index: number;
  readonly left: number;
  readonly top: number;
}

export class SeatPicture {
  private readonly canvas: HTMLCanvasElement;
  private spots: readonly Spot[] = [];
  private side = 1;
  private shown = "";
  private scale = 1;
  private least = { x: 0, y: 0 };

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
  }

  /** Read where the seats stand; false where the map is not given to everybody. */
  async load(address: string): Promise<boolean> {
    const answer = await fetch(address);
    if (!answer.ok) return false;
    const map = (await answer.json()) as SeatMap;
    return this.place(map.sections.flatMap(({ rows }) => rows.flatMap((row) => row.seats)));
  }

  /** Take where the seats stand; false without a seat. */
  place(seats: readonly MapSeat[]): boolean {
    if (seats.length === 0) return false;
    const least = { x: Number.POSITIVE_INFINITY, y: Number.POSITIVE_INFINITY };
    const most = { x: Number.NEGATIVE_INFINITY, y: Number.NEGATIVE_INFINITY };
    for (const { x, y } of seats) {
      least.x = Math.min(least.x, x);
      least.y = Math.min(least.y, y);
      most.x = Math.max(most.x, x);
      most.y = Math.max(most.y, y);
    }
    const scale = Math.min(
      (this.canvas.width - 2 * MARGIN) / (most.x - least.x + 1),
      (this.canvas.height - 2 * MARGIN) / (most.y - least.y + 1),
    );
    this.scale = scale;
    this.least = least;
    this.side = Math.max(1, scale * 0.8);
    this.spots = seats.map(({ index, x, y }) => ({
      index,
      left: MARGIN + (x - least.x) * scale,
      top: MARGIN + (y - least.y) * scale,
    }));
    // As high as the hall: a flat one would stand over an empty field.
    this.canvas.height = Math.ceil((most.y - least.y + 1) * scale + 2 * MARGIN);
    this.canvas.hidden = false;
    return true;
  }

  /** Colour the seats as they stand now. */
  async refresh(address: string): Promise<void> {
    const answer = await fetch(address);
    if (!answer.ok) return;
    this.colour(((await answer.json()) as { readonly statuses: string }).statuses);
  }

  /** Return a place on the screen in units of the layout. */
  at(event: PointerEvent): { readonly x: number; readonly y: number } {
    const box = this.canvas.getBoundingClientRect();
    const left = ((event.clientX - box.left) * this.canvas.width) / box.width;
    const top = ((event.clientY - box.top) * this.canvas.height) / box.height;
    return {
      x: this.least.x + (left - MARGIN) / this.scale,
      y: this.least.y + (top - MARGIN) / this.scale,
    };
  }

  /** Colour the seats by their letters, in the order of their indices. */
  colour(statuses: string): void {
    if (statuses === this.shown) return;
    this.shown = statuses;
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    const style = getComputedStyle(this.canvas);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const [letter, colour] of Object.entries(COLOURS)) {
      pen.fillStyle = style.getPropertyValue(colour);
      for (const { index, left, top } of this.spots) {
        if (statuses[index] === letter) pen.fillRect(left, top, this.side, this.side);
      }
    }
  }
}
