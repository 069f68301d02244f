/** The charts of a board. */

import uPlot from "uplot";
import { hourAndDay, money, number, timeOfDay } from "../core/format";
import { text } from "../core/text";
import type { Figures } from "./facts";

const HEIGHT = 220;
const KEPT = 1800; // points: an hour of two seconds each
type Row = (number | null)[];

interface Line {
  readonly label: string;
  /** Which of the colours of the map. */
  readonly colour: number;
  readonly shown?: (value: number) => string;
  readonly bars?: boolean;
  readonly scale?: string;
}

/** One chart, whose rows grow or are set. */
class Chart {
  private readonly plot: uPlot;
  private readonly rows: Row[];

  /** `hourly`: its rows are hours, of several days. */
  constructor(place: HTMLElement, lines: readonly Line[], hourly = false) {
    this.rows = [[], ...lines.map(() => [])];
    const style = getComputedStyle(place);
    const ink = style.getPropertyValue("--fr-soft");
    const grid = { stroke: style.getPropertyValue("--fr-line"), width: 1 };
    const axis = { stroke: ink, grid, ticks: grid };
    const seconds = lines.some((line) => line.scale);
    const when = (at: number) => (hourly ? hourAndDay : timeOfDay)(at * 1000);
    this.plot = new uPlot(
      {
        width: place.clientWidth || 300,
        height: HEIGHT,
        cursor: { drag: { x: false, y: false } },
        scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          { ...axis, space: 80, values: (_, ticks) => ticks.map(when) },
          { ...axis, size: 60, values: (_, ticks) => ticks.map((tick) => number(tick)) },
          ...(seconds ? [{ ...axis, scale: "money", side: 1 as const, size: 90, grid: {} }] : []),
        ],
        series: [
          {
            label: text({ ko: "시각", en: "Time" }),
            value: (_: uPlot, at: number | null) =>
              at === null ? "–" : when(at).replace("\n", " "),
          },
          ...lines.map((line) => ({
            label: line.label,
            stroke: style.getPropertyValue(`--fr-map-grade-${line.colour}`),
            width: 2,
            scale: line.scale ?? "y",
            value: (_: uPlot, value: number | null) =>
              value === null ? "–" : (line.shown ?? number)(value),
            ...(line.bars ? { paths: uPlot.paths.bars?.({ size: [0.6, 40] }) as never } : {}),
          })),
        ],
      },
      this.rows as unknown as uPlot.AlignedData,
      place,
    );
    new ResizeObserver(() => {
      if (place.clientWidth) this.plot.setSize({ width: place.clientWidth, height: HEIGHT });
    }).observe(place);
  }

  push(row: Row): void {
    row.forEach((value, at) => {
      const kept = this.rows[at];
      kept?.push(value);
      if (kept && kept.length > KEPT) kept.shift();
    });
    this.draw();
  }

  set(rows: readonly Row[]): void {
    rows.forEach((row, at) => {
      this.rows[at]?.splice(0, Number.POSITIVE_INFINITY, ...row);
    });
    this.draw();
  }

  private draw(): void {
    this.plot.setData(this.rows as unknown as uPlot.AlignedData);
  }
}

/** All charts of a board. */
export class Charts {
  private readonly crowd: Chart;
  private readonly seats: Chart;
  private readonly sales: Chart;
  private readonly conversion: Chart;
  private hours = "";

  constructor(root: ParentNode, currency: string) {
    const won = (amount: number) => money({ amount, currency });
    const percent = (value: number) => `${value.toFixed(1)} %`;
    this.crowd = new Chart(place(root, "crowd"), [
      { label: text({ ko: "대기", en: "Waiting" }), colour: 1 },
      { label: text({ ko: "이용 중", en: "Inside" }), colour: 2 },
    ]);
    this.seats = new Chart(place(root, "seats"), [
      { label: text({ ko: "판매", en: "Sold" }), colour: 3 },
      { label: text({ ko: "선점", en: "Held" }), colour: 5 },
    ]);
    const sales = [
      { label: text({ ko: "판매 좌석", en: "Seats" }), colour: 1, bars: true },
      { label: text({ ko: "금액", en: "Revenue" }), colour: 2, shown: won, scale: "money" },
    ];
    this.sales = new Chart(place(root, "sales"), sales, true);
    const conversion = [
      { label: text({ ko: "전환율", en: "Conversion" }), colour: 4, shown: percent },
    ];
    this.conversion = new Chart(place(root, "conversion"), conversion, true);
  }

  add(figures: Figures): void {
    const at = Date.parse(figures.as_of) / 1000;
    const { queue, seats, hours } = figures;
    this.crowd.push([at, queue?.waiting ?? null, queue?.active ?? null]);
    this.seats.push([at, seats.reserved, seats.temporarily_reserved]);
    const said = JSON.stringify(hours);
    if (said === this.hours) return;
    this.hours = said;
    const starts = hours.map(([hour]) => hour);
    this.sales.set([starts, hours.map((one) => one[3]), hours.map((one) => one[4])]);
    this.conversion.set([starts, hours.map((one) => (one[1] ? (100 * one[2]) / one[1] : null))]);
  }
}

function place(root: ParentNode, name: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(`[data-fr-chart="${name}"]`);
  if (!found) throw new Error(`the board has no place for ${name}`);
  return found;
}
