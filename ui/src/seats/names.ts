/** Seats as people say them. */

import { money } from "../core/format";
import { text } from "../core/text";
import type { Hall } from "./hall";

export const STATES = {
  free: { ko: "선택 가능", en: "free" },
  held: { ko: "다른 사람이 선택함", en: "held by somebody" },
  sold: { ko: "판매됨", en: "sold" },
  blocked: { ko: "판매하지 않음", en: "not for sale" },
  chosen: { ko: "선택함", en: "chosen" },
  mine: { ko: "내 좌석", en: "yours" },
} as const;
export type State = keyof typeof STATES;

const OF_LETTER: Readonly<Record<string, State>> = {
  A: "free",
  T: "held",
  R: "sold",
  B: "blocked",
};

/** Return the state that a seat is shown in. */
export function stateOf(
  seat: number,
  statuses: string,
  chosen: readonly number[],
  mine: readonly number[],
): State {
  if (mine.includes(seat)) return "mine";
  if (chosen.includes(seat)) return "chosen";
  return OF_LETTER[statuses[seat] ?? ""] ?? "blocked";
}

/** Return a seat in short, as on the button that drops it: "A-3-12". */
export function shortName(hall: Hall, seat: number): string {
  const section = hall.sections[hall.sectionOf[seat] ?? 0];
  const row = hall.rows[hall.rowOf[seat] ?? 0];
  return `${section?.code}-${row?.label}-${hall.numbers[seat]}`;
}

/** Return a seat's place in full: "A구역 3열 12번", "Section A, row 3, seat 12". */
export function placeName(hall: Hall, seat: number): string {
  const section = hall.sections[hall.sectionOf[seat] ?? 0]?.name;
  const row = hall.rows[hall.rowOf[seat] ?? 0]?.label;
  const number = hall.numbers[seat];
  return text({
    ko: `${section} ${row}열 ${number}번`,
    en: `${section}, row ${row}, seat ${number}`,
  });
}

/** Return all that there is to say about a seat, for a cell of the grid. */
export function fullName(hall: Hall, seat: number, state: State, gradeName: string): string {
  const price = hall.sections[hall.sectionOf[seat] ?? 0]?.price;
  const accessible = hall.accessible[seat]
    ? text({ ko: ", 휠체어석", en: ", wheelchair place" })
    : "";
  const cost = price ? money(price) : "";
  return `${placeName(hall, seat)}, ${gradeName}, ${cost}${accessible}, ${text(STATES[state])}`;
}
