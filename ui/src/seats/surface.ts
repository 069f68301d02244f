/** The map that is touched: gestures, hits, and when to draw. */

import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity } from "d3-zoom";
import { Camera, PRESSABLE_PX } from "./camera";
import { type Box, isWithin, middleOf, type Point } from "./geometry";
import type { Hall } from "./hall";
import { paletteOf } from "./palette";
import { type Look, type Marks, Picture } from "./picture";
import { SeatIndex } from "./seatindex";

const SHARP_AFTER_MS = 120;
const REACH_PX = 24; // a press takes the nearest seat within this distance
const CLOSE_PX = 34; // how large seats are after a press that zoomed in
const LARGEST_PX = 64;

/** What the map reports. */
export interface Touched {
  press(seat: number): void;
  /** Another part of the hall is looked at, in its units, with so many CSS pixels between seats. */
  look(view: Box, seatPx: number): void;
}

export class Surface {
  readonly view: HTMLElement;
  readonly #hall: Hall;
  readonly #index: SeatIndex;
  readonly #touched: Touched;
  readonly #picture: Picture;
  readonly #zoom: ZoomBehavior<HTMLElement, unknown>;
  readonly #watch: ResizeObserver;
  readonly #stop = new AbortController();
  #camera: Camera;
  #marks: Marks = { focus: undefined, hints: [] };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isActive = false;

  constructor(view: HTMLElement, hall: Hall, look: Look, touched: Touched) {
    this.view = view;
    this.#hall = hall;
    this.#touched = touched;
    this.#index = new SeatIndex(hall);
    this.#picture = new Picture(hall, this.#index, paletteOf(view), look);
    view.replaceChildren(this.#picture.box);
    view.style.aspectRatio = String(shapeOf(hall));
    this.#camera = this.#cameraFor();
    this.#zoom = zoom<HTMLElement, unknown>()
      .filter((event: Event) => this.#isOurs(event))
      .duration(0)
      .on("zoom", (event: D3ZoomEvent<HTMLElement, unknown>) => this.#onZoom(event.transform));
    select(view).call(this.#zoom);
    const { signal } = this.#stop;
    view.addEventListener("click", (event) => this.#onClick(event), { signal });
    this.#watch = new ResizeObserver(() => this.#resize());
    this.#watch.observe(view);
    this.#watchColours();
    this.#resize();
  }

  close(): void {
    this.#watch.disconnect();
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  /** Show the seats of sections that have come; the first say how far apart seats are. */
  add(sections: readonly number[]): void {
    this.#index.add(sections);
    this.#resize();
  }

  /** Paint seats that have changed. */
  change(seats: readonly number[]): void {
    this.#picture.change(seats);
  }

  /** Ring a seat and hints, and bring the focus into the view. */
  mark(marks: Marks): void {
    const isMoved = marks.focus !== undefined && marks.focus !== this.#marks.focus;
    this.#marks = marks;
    if (isMoved && marks.focus !== undefined) this.#bringIn(marks.focus);
    this.#picture.drawSigns(marks);
  }

  zoomBy(factor: number): void {
    select(this.view).call(this.#zoom.scaleBy, factor);
  }

  showAll(): void {
    select(this.view).call(this.#zoom.transform, zoomIdentity);
  }

  /** Show some seats as large as they fit, but not larger than is of use. */
  show(seats: readonly number[]): void {
    if (seats.length === 0) return;
    const xs = seats.map((seat) => this.#hall.x[seat] ?? 0);
    const ys = seats.map((seat) => this.#hall.y[seat] ?? 0);
    const around = this.#hall.pitch * 4;
    this.#showBox({
      left: Math.min(...xs) - around,
      right: Math.max(...xs) + around,
      top: Math.min(...ys) - around,
      bottom: Math.max(...ys) + around,
    });
  }

  /** Show a section. */
  showSection(section: number): void {
    const box = this.#hall.sections[section]?.box;
    if (box) this.#showBox(box);
  }

  #showBox(box: Box): void {
    const [w, h] = [box.right - box.left, box.bottom - box.top];
    const base = this.#camera.scale / this.#camera.move.k;
    const fits = Math.min(this.#camera.width / w, this.#camera.height / h) / base;
    const k = Math.max(1, Math.min(fits, this.#camera.scaleFor(CLOSE_PX)));
    this.#goTo(middleOf(box), k);
  }

  #goTo(point: Point, k: number): void {
    const move = this.#camera.centred(point, k);
    const { x, y } = move;
    select(this.view).call(this.#zoom.transform, zoomIdentity.translate(x, y).scale(move.k));
  }

  #bringIn(seat: number): void {
    const at = this.#at(seat);
    const [x, y] = this.#camera.toView(at);
    const isIn = x > 30 && y > 30 && x < this.#camera.width - 30 && y < this.#camera.height - 30;
    if (isIn && this.#camera.seatPx >= 10) return;
    this.#goTo(at, Math.max(this.#camera.move.k, this.#camera.scaleFor(20)));
  }

  #at(seat: number): Point {
    return [this.#hall.x[seat] ?? 0, this.#hall.y[seat] ?? 0];
  }

  /**
   * Whether a gesture is the map's. One finger scrolls the page while the whole hall is shown, and
   * the wheel does until the map was pressed, so that nobody is caught in it.
   */
  #isOurs(event: Event): boolean {
    if (event.type === "wheel") return this.#isActive || (event as WheelEvent).ctrlKey;
    if (event.type.startsWith("touch")) {
      return this.#camera.move.k > 1.01 || (event as TouchEvent).touches.length > 1;
    }
    return !("button" in event) || (event as MouseEvent).button === 0;
  }

  #onZoom(move: { k: number; x: number; y: number }): void {
    this.#camera = this.#cameraFor(move);
    this.view.classList.toggle("is-close", move.k > 1.01);
    this.#picture.follow(this.#camera);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), SHARP_AFTER_MS);
  }

  #onClick(event: MouseEvent): void {
    this.#isActive = true;
    const frame = this.view.getBoundingClientRect();
    const point = [event.clientX - frame.left, event.clientY - frame.top] as const;
    const at = this.#camera.toHall(point);
    const seat = this.#index.nearest(at, REACH_PX / this.#camera.scale);
    if (seat === undefined) this.#enterSection(at);
    else if (this.#camera.seatPx >= PRESSABLE_PX - 0.5) this.#touched.press(seat);
    else this.#goTo(this.#at(seat), this.#camera.scaleFor(CLOSE_PX));
  }

  /** A press on a section without seats zooms in on it, which brings them. */
  #enterSection(at: Point): void {
    const { sections } = this.#hall;
    const nth = sections.findIndex(({ isLoaded, outline }) => !isLoaded && isWithin(at, outline));
    if (nth >= 0) this.showSection(nth);
  }

  #resize(): void {
    this.#camera = this.#cameraFor(this.#camera.move);
    const { width, height } = this.#camera;
    const most = Math.max(1, this.#camera.scaleFor(LARGEST_PX));
    this.#zoom.scaleExtent([1, most]).extent([
      [0, 0],
      [width, height],
    ]);
    this.#zoom.translateExtent([
      [0, 0],
      [width, height],
    ]);
    this.#draw();
  }

  #draw(): void {
    this.#picture.draw(this.#camera, this.#marks);
    this.view.dataset.seatPx = this.#camera.seatPx.toFixed(1);
    this.view.dataset.seats = String(this.#index.count);
    this.#touched.look(this.#camera.shown, this.#camera.seatPx);
  }

  #cameraFor(move = this.#camera?.move): Camera {
    const { clientWidth, clientHeight } = this.view;
    return new Camera(
      this.#hall.box,
      this.#hall.pitch,
      Math.max(1, clientWidth),
      Math.max(1, clientHeight),
      move,
    );
  }

  /** Light, dark and forced colours may change while the page is open; so may the zoom of the page. */
  #watchColours(): void {
    const queries = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];
    for (const query of queries) {
      matchMedia(query).addEventListener(
        "change",
        () => {
          this.#picture.repaint(paletteOf(this.view));
          this.#draw();
        },
        { signal: this.#stop.signal },
      );
    }
  }
}

/** Return width by height of a view that a hall fills, neither a strip nor a tower. */
function shapeOf({ box }: Hall): number {
  const shape = (box.right - box.left) / Math.max(box.bottom - box.top, 1e-6);
  return Math.min(2.4, Math.max(0.8, shape));
}
