/** The picture of a hall on three canvases: ground, seats, signs. */

import { type Camera, OVERDRAW } from "./camera";
import type { Point } from "./geometry";
import { drawGround, drawNames, groundKey, type Scene } from "./ground";
import type { Hall } from "./hall";
import { STATES, type State } from "./names";
import { type Palette, pixelColour, pixelsOf } from "./palette";
import type { SeatIndex } from "./seatindex";
import { Sprites } from "./sprites";

/** From this many device pixels between neighbours on seats are sprites, else pixels. */
const SPRITE_PX = 7;
const LABEL_BELOW_PX = 14; // names of sections stand on the seats while those are smaller
const MANY = 2000; // changes that are painted one by one
const ORDER = Object.keys(STATES) as State[];

export interface Marks {
  readonly focus: number | undefined;
  /** Seats that a rule would leave alone, or that are offered. */
  readonly hints: readonly number[];
}

/** How seats and sections look now. */
export interface Look {
  stateOf(seat: number): State;
  /** Free seats by section; empty before they are known. */
  freeBySection(): readonly number[];
}

export class Picture {
  readonly box = document.createElement("div");
  readonly #ground = layer();
  readonly #seats = layer();
  readonly #signs = layer();
  readonly #hall: Hall;
  readonly #index: SeatIndex;
  readonly #stateOf: (seat: number) => State;
  readonly #freeBySection: () => readonly number[];
  readonly #gradeOf: Uint8Array;
  #palette: Palette;
  #sprites: Sprites | undefined;
  #camera: Camera | undefined;
  #image: ImageData | undefined;
  #pixels = new Uint32Array();
  #colours = new Uint32Array();
  #ratio = 1;
  #marks: Marks = { focus: undefined, hints: [] };
  #groundKey = "";

  constructor(hall: Hall, index: SeatIndex, palette: Palette, look: Look) {
    this.#hall = hall;
    this.#index = index;
    this.#palette = palette;
    this.#stateOf = look.stateOf;
    this.#freeBySection = look.freeBySection;
    this.#gradeOf = Uint8Array.from(hall.sectionOf, (section) =>
      Math.max(0, hall.grades.indexOf(hall.sections[section]?.grade ?? "")),
    );
    this.box.className = "fr-map-picture";
    this.box.append(this.#ground, this.#seats, this.#signs);
    this.repaint(palette);
  }

  /** Take other colours; the next `draw` shows them. */
  repaint(palette: Palette): void {
    this.#palette = palette;
    this.#sprites = undefined;
    this.#colours = pixelsOf(
      ORDER.flatMap((state) =>
        this.#hall.grades.map((_, grade) => pixelColour(palette, state, grade)),
      ),
    );
  }

  /** Move the finished picture as a gesture goes; nothing is drawn. */
  follow(camera: Camera): void {
    if (this.#camera) this.box.style.transform = this.#camera.cssFor(camera);
  }

  /** Draw everything sharp for a camera. */
  draw(camera: Camera, marks: Marks): void {
    this.#camera = camera;
    this.#ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const width = Math.ceil(camera.width * (1 + 2 * OVERDRAW) * this.#ratio);
    const height = Math.ceil(camera.height * (1 + 2 * OVERDRAW) * this.#ratio);
    for (const canvas of [this.#ground, this.#seats, this.#signs]) {
      // Setting a size clears; an equal size is only cleared.
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      const { style } = canvas;
      style.width = `${width / this.#ratio}px`;
      style.height = `${height / this.#ratio}px`;
      style.left = `${-camera.width * OVERDRAW}px`;
      style.top = `${-camera.height * OVERDRAW}px`;
    }
    this.box.style.transform = "none";
    this.#drawGround();
    this.#drawSeats();
    this.drawSigns(marks);
  }

  /** Paint some seats again, and what the numbers of free ones say. */
  change(seats: readonly number[]): void {
    const camera = this.#camera;
    if (!camera) return;
    if (groundKey(this.#hall, this.#freeBySection()) !== this.#groundKey) this.#drawGround();
    if (seats.length > 0 && camera.seatPx < LABEL_BELOW_PX) this.drawSigns(this.#marks);
    if (seats.length > MANY) {
      this.#drawSeats();
      return;
    }
    const brush = brushOf(this.#seats);
    for (const seat of seats) {
      if (!this.#hall.sections[this.#hall.sectionOf[seat] ?? 0]?.isLoaded) continue;
      if (this.#image) this.#repaintPixel(brush, seat);
      else this.#repaintSprite(brush, seat);
    }
  }

  /** Draw what stands above the seats: names of sections, the focus, hints. */
  drawSigns(marks: Marks): void {
    this.#marks = marks;
    const { focus, hints } = marks;
    const [camera, scene] = [this.#camera, this.#scene()];
    if (!camera || !scene) return;
    const brush = this.#cleared(this.#signs);
    if (camera.seatPx < LABEL_BELOW_PX) drawNames(brush, scene);
    brush.strokeStyle = this.#palette.ink;
    const size = Math.max(camera.seatPx, 10) * this.#ratio;
    for (const seat of hints) this.#ring(brush, seat, size * 0.62, [size * 0.2, size * 0.15]);
    if (focus !== undefined) this.#ring(brush, focus, size * 0.7, []);
  }

  #drawGround(): void {
    const scene = this.#scene();
    if (!scene) return;
    this.#groundKey = groundKey(this.#hall, scene.free);
    drawGround(this.#cleared(this.#ground), scene);
  }

  #scene(): Scene | undefined {
    const camera = this.#camera;
    if (!camera) return undefined;
    return {
      hall: this.#hall,
      palette: this.#palette,
      free: this.#freeBySection(),
      ratio: this.#ratio,
      scale: camera.scale * this.#ratio,
      device: (point) => this.#device(point),
    };
  }

  #drawSeats(): void {
    const camera = this.#camera;
    if (!camera) return;
    const seats = this.#index.search(camera.drawn);
    if (camera.seatPx * this.#ratio < SPRITE_PX) {
      this.#drawPixels(seats);
      return;
    }
    this.#image = undefined;
    const brush = this.#cleared(this.#seats);
    const size = Math.round(Math.min(camera.seatPx, 64) * this.#ratio);
    if (this.#sprites?.size !== size) {
      this.#sprites = new Sprites(this.#palette, this.#hall.grades, size);
    }
    for (const seat of seats) this.#stamp(brush, seat);
  }

  #drawPixels(seats: readonly number[]): void {
    const { width, height } = this.#seats;
    if (this.#image?.width === width && this.#image.height === height) this.#pixels.fill(0);
    else {
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    for (const seat of seats) this.#setPixel(seat);
    brushOf(this.#seats).putImageData(this.#image, 0, 0);
  }

  /** Write one seat into the image; returns its left top corner and its side. */
  #setPixel(seat: number): readonly [number, number, number] {
    const { width, height } = this.#seats;
    const side = Math.max(1, Math.floor((this.#camera?.seatPx ?? 1) * this.#ratio * 0.8));
    const [x, y] = this.#device(this.#at(seat));
    const [left, top] = [Math.round(x - side / 2), Math.round(y - side / 2)];
    const state = ORDER.indexOf(this.#stateOf(seat));
    const colour =
      this.#colours[state * this.#hall.grades.length + (this.#gradeOf[seat] ?? 0)] ?? 0;
    for (let row = Math.max(0, top); row < Math.min(height, top + side); row += 1) {
      const from = row * width + Math.max(0, left);
      this.#pixels.fill(colour, from, row * width + Math.min(width, Math.max(0, left + side)));
    }
    return [left, top, side];
  }

  #repaintPixel(brush: CanvasRenderingContext2D, seat: number): void {
    const [left, top, side] = this.#setPixel(seat);
    if (this.#image) brush.putImageData(this.#image, 0, 0, left, top, side, side);
  }

  #repaintSprite(brush: CanvasRenderingContext2D, seat: number): void {
    const size = this.#sprites?.size ?? 0;
    const [x, y] = this.#device(this.#at(seat));
    brush.clearRect(Math.round(x - size / 2), Math.round(y - size / 2), size, size);
    this.#stamp(brush, seat);
  }

  #stamp(brush: CanvasRenderingContext2D, seat: number): void {
    const state = this.#stateOf(seat);
    const sprites = this.#sprites;
    if (state === "blocked" || !sprites) return;
    const [x, y] = this.#device(this.#at(seat));
    const look = {
      state,
      grade: this.#gradeOf[seat] ?? 0,
      accessible: this.#hall.accessible[seat] === 1,
    };
    const { size } = sprites;
    brush.drawImage(sprites.of(look), Math.round(x - size / 2), Math.round(y - size / 2));
  }

  #ring(brush: CanvasRenderingContext2D, seat: number, radius: number, dashes: number[]): void {
    const [x, y] = this.#device(this.#at(seat));
    brush.lineWidth = Math.max(2, radius * 0.18);
    brush.setLineDash(dashes);
    brush.beginPath();
    brush.arc(x, y, radius, 0, Math.PI * 2);
    brush.stroke();
  }

  #at(seat: number): Point {
    return [this.#hall.x[seat] ?? 0, this.#hall.y[seat] ?? 0];
  }

  /** Return a point of the layout in device pixels of the canvases. */
  #device(point: Point): Point {
    const camera = this.#camera;
    if (!camera) return [0, 0];
    const [x, y] = camera.toView(point);
    return [
      (x + camera.width * OVERDRAW) * this.#ratio,
      (y + camera.height * OVERDRAW) * this.#ratio,
    ];
  }

  #cleared(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const brush = brushOf(canvas);
    brush.setLineDash([]);
    brush.clearRect(0, 0, canvas.width, canvas.height);
    return brush;
  }
}

function layer(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

function brushOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const brush = canvas.getContext("2d");
  if (!brush) throw new Error("this browser draws no canvas");
  return brush;
}
