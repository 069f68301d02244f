/** What stands around the seats: the stage, the shapes of sections, their names and what is left. */

import { number } from "../core/format";
import { text } from "../core/text";
import { boundsOf, middleOf, type Point } from "./geometry";
import type { Hall, Section } from "./hall";
import { gradeColour, type Palette } from "./palette";

const SMALLEST_PX = 9; // letters smaller than that nobody reads
const LARGEST_PX = 14;
const TINT = 0.45; // how strong a grade's colour is on a section whose seats aren't drawn yet

/** A hall as it is drawn at the moment. */
export interface Scene {
  readonly hall: Hall;
  readonly palette: Palette;
  /** Free seats by section; empty before they are known. */
  readonly free: readonly number[];
  /** Device pixels for one CSS pixel, and for one unit of the layout. */
  readonly ratio: number;
  readonly scale: number;
  device(point: Point): Point;
}

type Brush = CanvasRenderingContext2D;

/** Draw the stage and the sections; those without seats in their grade's colour while some are free. */
export function drawGround(brush: Brush, scene: Scene): void {
  const { hall, palette, free } = scene;
  hall.sections.forEach((section, nth) => {
    trace(brush, scene, section.outline);
    brush.fillStyle = palette.section;
    brush.fill();
    if (section.isLoaded || free[nth] === 0) return;
    brush.globalAlpha = TINT;
    brush.fillStyle = gradeColour(palette, hall.grades.indexOf(section.grade));
    brush.fill();
    brush.globalAlpha = 1;
  });
  drawStage(brush, scene);
}

/** Draw the names of sections and, where there is room, how many of their seats are left. */
export function drawNames(brush: Brush, scene: Scene): void {
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.lineJoin = "round";
  scene.hall.sections.forEach((section, nth) => {
    drawName(brush, scene, section, scene.free[nth]);
  });
}

/** Return what the ground shows of free seats: it is drawn again when that differs. */
export function groundKey({ sections }: Hall, free: readonly number[]): string {
  return sections.map(({ isLoaded }, nth) => (isLoaded ? "" : free[nth] === 0)).join();
}

function drawName(brush: Brush, scene: Scene, section: Section, free: number | undefined): void {
  const { ratio, scale, palette } = scene;
  const { name, code, box } = section;
  const room = (box.right - box.left) * scale * 0.95;
  const largest = LARGEST_PX * ratio;
  brush.font = fontOf(largest);
  const words = brush.measureText(name).width <= room ? name : code;
  const size = Math.min(largest, (room / brush.measureText(words).width) * largest);
  if (size < SMALLEST_PX * ratio) return;
  const left = free === undefined ? "" : leftWords(free);
  const small = Math.max(SMALLEST_PX * ratio, size * 0.8);
  brush.font = fontOf(small);
  const hasRoom =
    left !== "" &&
    (box.bottom - box.top) * scale > size * 2.6 &&
    brush.measureText(left).width <= room;
  const [x, y] = scene.device(middleOf(box));
  if (hasRoom) write(brush, palette, left, small, x, y + size * 0.65);
  write(brush, palette, words, size, x, hasRoom ? y - size * 0.55 : y);
}

function leftWords(free: number): string {
  if (free === 0) return text({ ko: "매진", en: "none left" });
  return text({ ko: `${number(free)}석`, en: `${number(free)} left` });
}

function write(brush: Brush, palette: Palette, words: string, size: number, x: number, y: number) {
  brush.font = fontOf(size);
  brush.lineWidth = size / 3;
  brush.strokeStyle = palette.paper;
  brush.strokeText(words, x, y);
  brush.fillStyle = palette.ink;
  brush.fillText(words, x, y);
}

function drawStage(brush: Brush, scene: Scene): void {
  const { hall, palette, ratio, scale } = scene;
  trace(brush, scene, hall.stage);
  brush.fillStyle = palette.stage;
  brush.fill();
  const box = boundsOf(hall.stage);
  const words = text({ ko: "무대", en: "Stage" });
  const size = Math.min((box.bottom - box.top) * scale * 0.6, 28 * ratio);
  brush.font = fontOf(size);
  const isWide = brush.measureText(words).width <= (box.right - box.left) * scale;
  if (size < SMALLEST_PX * ratio || !isWide) return;
  brush.fillStyle = palette.ink;
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.fillText(words, ...scene.device(middleOf(box)));
}

function trace(brush: Brush, scene: Scene, outline: readonly Point[]): void {
  brush.beginPath();
  outline.forEach((point, nth) => {
    const [x, y] = scene.device(point);
    if (nth === 0) brush.moveTo(x, y);
    else brush.lineTo(x, y);
  });
  brush.closePath();
}

function fontOf(size: number): string {
  return `700 ${size}px system-ui, sans-serif`;
}
