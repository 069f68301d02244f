/** Seats as small pictures, drawn once for each size: the state is in the shape, not in the colour alone. */

import type { State } from "./names";
import { gradeColour, type Palette } from "./palette";

export interface Look {
  readonly state: State;
  readonly grade: number;
  readonly accessible: boolean;
}

type Brush = CanvasRenderingContext2D;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/** Below this many pixels a letter would be a blot. */
const LETTER_PX = 18;

export class Sprites {
  readonly #palette: Palette;
  readonly #letters: readonly string[];
  readonly #made = new Map<string, HTMLCanvasElement>();
  /** Device pixels of a side. */
  readonly size: number;

  /** `grades`: their codes, whose first letters tell equal colours apart. */
  constructor(palette: Palette, grades: readonly string[], size: number) {
    this.#palette = palette;
    this.size = size;
    const firsts = grades.map((code) => code.slice(0, 1).toUpperCase());
    const areDifferent = new Set(firsts).size === firsts.length;
    this.#letters = grades.map((_, nth) => (areDifferent ? firsts[nth] : LETTERS[nth % 26]) ?? "");
  }

  /** Return the picture of a seat. */
  of(look: Look): HTMLCanvasElement {
    const key = `${look.state}:${look.grade}:${look.accessible}`;
    const found = this.#made.get(key);
    if (found) return found;
    const canvas = document.createElement("canvas");
    canvas.width = this.size;
    canvas.height = this.size;
    const brush = canvas.getContext("2d");
    if (brush) this.#draw(brush, look);
    this.#made.set(key, canvas);
    return canvas;
  }

  #draw(brush: Brush, look: Look): void {
    const { size } = this;
    brush.translate(size / 2, size / 2);
    brush.lineCap = "round";
    brush.lineJoin = "round";
    const radius = size * 0.4;
    switch (look.state) {
      case "free":
        this.#free(brush, radius, look);
        break;
      case "held":
        brush.strokeStyle = this.#palette.muted;
        brush.lineWidth = Math.max(1, size * 0.1);
        outline(brush, radius * 0.8, look.accessible);
        brush.stroke();
        break;
      case "sold":
        brush.strokeStyle = this.#palette.muted;
        brush.lineWidth = Math.max(1, size * 0.08);
        cross(brush, radius * 0.45);
        break;
      case "chosen":
      case "mine":
        this.#ours(brush, radius, look);
        break;
      default:
    }
  }

  #free(brush: Brush, radius: number, look: Look): void {
    brush.fillStyle = gradeColour(this.#palette, look.grade);
    outline(brush, radius, look.accessible);
    brush.fill();
    brush.strokeStyle = this.#palette.ink;
    brush.lineWidth = Math.max(0.75, this.size * 0.03);
    brush.stroke();
    if (this.size < LETTER_PX) return;
    brush.fillStyle = this.#palette.paper;
    brush.strokeStyle = this.#palette.paper;
    if (look.accessible) wheelchair(brush, radius * 0.62);
    else letter(brush, this.#letters[look.grade] ?? "", radius);
  }

  #ours(brush: Brush, radius: number, look: Look): void {
    brush.fillStyle = this.#palette.accent;
    outline(brush, radius * 1.15, look.accessible);
    brush.fill();
    brush.strokeStyle = this.#palette.ink;
    brush.lineWidth = Math.max(1, this.size * (look.state === "mine" ? 0.12 : 0.06));
    brush.stroke();
    brush.strokeStyle = this.#palette.onAccent;
    brush.lineWidth = Math.max(1.2, this.size * 0.11);
    brush.beginPath();
    brush.moveTo(-radius * 0.45, 0);
    brush.lineTo(-radius * 0.1, radius * 0.38);
    brush.lineTo(radius * 0.5, -radius * 0.38);
    brush.stroke();
  }
}

function outline(brush: Brush, radius: number, accessible: boolean): void {
  brush.beginPath();
  if (accessible) brush.rect(-radius, -radius, radius * 2, radius * 2);
  else brush.arc(0, 0, radius, 0, Math.PI * 2);
}

function cross(brush: Brush, arm: number): void {
  brush.beginPath();
  brush.moveTo(-arm, -arm);
  brush.lineTo(arm, arm);
  brush.moveTo(arm, -arm);
  brush.lineTo(-arm, arm);
  brush.stroke();
}

function letter(brush: Brush, sign: string, radius: number): void {
  brush.font = `600 ${Math.round(radius * 1.15)}px system-ui, sans-serif`;
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.fillText(sign, 0, radius * 0.06);
}

/** The sign of accessible places: a head, a back and a wheel. */
function wheelchair(brush: Brush, radius: number): void {
  brush.lineWidth = Math.max(1, radius * 0.22);
  brush.beginPath();
  brush.arc(-radius * 0.1, -radius * 0.85, radius * 0.18, 0, Math.PI * 2);
  brush.fill();
  brush.beginPath();
  brush.moveTo(-radius * 0.1, -radius * 0.5);
  brush.lineTo(-radius * 0.1, radius * 0.15);
  brush.lineTo(radius * 0.45, radius * 0.15);
  brush.lineTo(radius * 0.7, radius * 0.75);
  brush.stroke();
  brush.beginPath();
  brush.arc(-radius * 0.05, radius * 0.35, radius * 0.5, -Math.PI * 0.05, Math.PI * 1.15);
  brush.stroke();
}
