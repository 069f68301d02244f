/** The colours of the map, taken from the stylesheet: light, dark and forced ones alike. */

import type { State } from "./names";

export interface Palette {
  /** CSS colours by grade, in order of appearance; they repeat, and letters tell them apart. */
  readonly grades: readonly string[];
  readonly ink: string;
  readonly paper: string;
  readonly muted: string;
  readonly section: string;
  readonly accent: string;
  readonly onAccent: string;
  readonly stage: string;
}

const GRADES = 7;

/** Read the palette from the custom properties in force at an element. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(`--fr-map-${name}`).trim() || "CanvasText";
  return {
    grades: Array.from({ length: GRADES }, (_, nth) => read(`grade-${nth + 1}`)),
    ink: read("ink"),
    paper: read("paper"),
    muted: read("muted"),
    section: read("section"),
    accent: read("accent"),
    onAccent: read("on-accent"),
    stage: read("stage"),
  };
}

/** Return a grade's colour. */
export function gradeColour(palette: Palette, grade: number): string {
  return palette.grades[grade % palette.grades.length] ?? palette.ink;
}

/** Return the colour of a seat that is only a few pixels large; "" draws nothing. */
export function pixelColour(palette: Palette, state: State, grade: number): string {
  switch (state) {
    case "free":
      return gradeColour(palette, grade);
    case "chosen":
    case "mine":
      return palette.accent;
    case "blocked":
      return "";
    default:
      return palette.muted;
  }
}

/** Return colours as the canvas writes them, four bytes a pixel; system colours included. */
export function pixelsOf(colours: readonly string[]): Uint32Array<ArrayBuffer> {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, colours.length);
  canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  if (!brush) return new Uint32Array(colours.length);
  colours.forEach((colour, nth) => {
    if (!colour) return;
    brush.fillStyle = colour;
    brush.fillRect(nth, 0, 1, 1);
  });
  return new Uint32Array(brush.getImageData(0, 0, canvas.width, 1).data.buffer);
}
