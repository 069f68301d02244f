/** The dialog that offers more time. */

import { text } from "../core/text";
import { SAID } from "./words";

/** Ask whether more time is needed; `extend` is called for a yes. */
export function askForMore(extend: () => void): void {
  if (document.querySelector("dialog.fr-more-time")) return;
  const dialog = document.createElement("dialog");
  dialog.className = "fr-more-time fr-card";
  const words = document.createElement("p");
  words.id = "fr-more-time-words";
  words.textContent = text(SAID.more);
  dialog.setAttribute("aria-labelledby", words.id);
  dialog.append(words, button(SAID.extend, true, extend), button(SAID.no, false));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();

  function button(label: { ko: string; en: string }, isPrimary: boolean, act?: () => void) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = `fr-button ${isPrimary ? "is-primary" : "is-quiet"}`;
    made.textContent = text(label);
    made.addEventListener("click", () => {
      dialog.close();
      act?.();
    });
    return made;
  }
}
