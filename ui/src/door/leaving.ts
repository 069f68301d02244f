/** Logging out of a device at the door: not with scans that the server has not heard of. */

import { problemOf, wordsOf } from "../core/problem";
import { text } from "../core/text";
import { type Gate, leaveDoor } from "./gate";
import { forgetPlace } from "./place";
import { REFUSALS, SAID } from "./words";

type Opening = () => Promise<Gate | undefined>;

/**
 * Let a log-out delete what the device keeps, and the performance and gate that were chosen.
 *
 * Where scans are unsent, or another tab scans, `say` is given the words that say so. `opening`
 * returns the gate of this page, once it is open.
 */
export function guardLogout(say: (words: string) => void, opening?: Opening): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-fr-staff-logout]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void leave(form, say, opening);
    });
  }
}

/** Guard the log-out of a page without a gate: its note says why not. */
export function guardLogoutByNote(): void {
  guardLogout((words) => {
    const note = document.querySelector<HTMLElement>("[data-fr-unsent]");
    if (!note) return;
    note.textContent = words;
    note.hidden = false;
  });
}

async function leave(form: HTMLFormElement, say: (words: string) => void, opening?: Opening) {
  const gate = await opening?.();
  if (gate && !gate.mayLeave()) {
    say(text(SAID.unsent));
    return;
  }
  await gate?.close();
  let words = text(SAID.unsent);
  try {
    if (await leaveDoor()) {
      forgetPlace();
      form.submit();
      return;
    }
  } catch (error) {
    words = wordsOf(problemOf(error), REFUSALS);
  }
  say(words);
  if (gate) location.reload(); // a gate that was closed decides nothing any more
}
