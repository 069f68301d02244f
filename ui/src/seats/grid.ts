/** The seats of a section as a grid for keys and screen readers. */

import { html, nothing, type TemplateResult } from "lit/html.js";
import { text } from "../core/text";
import type { Hall, Section } from "./hall";
import type { SeatsModel } from "./model";
import { fullName } from "./names";
import { type Direction, otherSection, rowEnd, sectionAhead, step } from "./steps";

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** Return the seat that a key leads to, `undefined` for a key that moves nothing. */
export function seatAfterKey(hall: Hall, seat: number, key: string): number | undefined {
  const direction = ARROWS[key];
  if (direction) return step(hall, seat, direction);
  switch (key) {
    case "Home":
      return rowEnd(hall, seat, "first");
    case "End":
      return rowEnd(hall, seat, "last");
    case "PageDown":
      return hall.sections[otherSection(hall, seat, 1)]?.first;
    case "PageUp":
      return hall.sections[otherSection(hall, seat, -1)]?.first;
    default:
      return undefined;
  }
}

/** Return the section whose seats a key needs and that is not loaded yet. */
export function sectionBeforeKey(hall: Hall, seat: number, key: string): number | undefined {
  const direction = ARROWS[key];
  if (direction) return sectionAhead(hall, seat, direction);
  if (key !== "PageDown" && key !== "PageUp") return undefined;
  const wanted = otherSection(hall, seat, key === "PageDown" ? 1 : -1);
  return hall.sections[wanted]?.isLoaded ? undefined : wanted;
}

export interface GridActions {
  chooseSection(section: number): void;
  focus(seat: number): void;
  key(event: KeyboardEvent, seat: number): void;
  press(seat: number): void;
}

/** Return the choice of a section and its grid; one cell alone is a stop of the Tab key. */
export function gridView(
  model: SeatsModel,
  section: number,
  focus: number | undefined,
  act: GridActions,
): TemplateResult | typeof nothing {
  const { hall } = model;
  const shown = hall?.sections[section];
  if (!hall || !shown) return nothing;
  const stop = focus !== undefined && hall.sectionOf[focus] === section ? focus : shown.first;
  return html`
    <div class="fr-field">
      <label for="fr-section">${text({ ko: "구역", en: "Section" })}</label>
      <select
        id="fr-section"
        @change=${(event: Event) => act.chooseSection(Number((event.target as HTMLSelectElement).value))}
      >
        ${hall.sections.map(
          ({ name }, nth) =>
            html`<option value=${nth} ?selected=${nth === section}>${name}</option>`,
        )}
      </select>
    </div>
    ${shown.isLoaded ? gridOf(model, hall, shown, stop, act) : waitView(shown, model.free[section])}
  `;
}

/** What is known of a section before its seats are there. */
function waitView({ grade, name }: Section, free: number | undefined): TemplateResult {
  const left = free === undefined ? "" : text({ ko: `, ${free}석 남음`, en: `, ${free} left` });
  return html`<p class="fr-hint" data-fr-loading>${name} (${grade}${left}).
    ${text({ ko: "좌석을 불러오는 중입니다…", en: "Its seats are on their way…" })}</p>`;
}

function gridOf(
  model: SeatsModel,
  hall: Hall,
  shown: Section,
  stop: number,
  act: GridActions,
): TemplateResult {
  return html`
    <p class="fr-hint" id="fr-grid-help">
      ${text({
        ko: "화살표로 이동, Space로 선택, Page Up·Down으로 구역 이동, Esc로 나가기",
        en: "Arrows move, Space chooses, Page Up and Down change the section, Esc leaves",
      })}
    </p>
    <div class="fr-grid-scroll">
      <table role="grid" class="fr-seat-grid" aria-label=${shown.name} aria-describedby="fr-grid-help">
        <tbody>
          ${shown.rows.map((at) => rowView(model, hall, at, stop, act))}
        </tbody>
      </table>
    </div>
  `;
}

function rowView(
  model: SeatsModel,
  hall: Hall,
  at: number,
  stop: number | undefined,
  act: GridActions,
): TemplateResult | typeof nothing {
  const row = hall.rows[at];
  if (!row) return nothing;
  return html`<tr>
    <th scope="row">${text({ ko: `${row.label}열`, en: row.label })}</th>
    ${row.seats.map((seat) => {
      const state = model.stateOf(seat);
      return html`<td
        role="gridcell"
        data-seat=${seat}
        data-state=${state}
        tabindex=${seat === stop ? 0 : -1}
        aria-label=${fullName(hall, seat, state, model.gradeName(seat))}
        aria-selected=${state === "chosen" || state === "mine" ? "true" : "false"}
        aria-disabled=${state === "free" || state === "chosen" ? "false" : "true"}
        @click=${() => act.press(seat)}
        @focus=${() => act.focus(seat)}
        @keydown=${(event: KeyboardEvent) => act.key(event, seat)}
      >
        ${hall.numbers[seat]}
      </td>`;
    })}
  </tr>`;
}
