/** The place on a page of paying where it says what is so, with ways on. */

import { type Text, text } from "../core/text";

export interface Way {
  readonly words: Text;
  readonly href: string;
}

/** Show a sentence and links in the page's `[data-fr-status]`; a page without one gets it. */
export function say(words: string, ways: readonly Way[] = [], isBad = false): void {
  const panel = document.querySelector<HTMLElement>("[data-fr-status]") ?? makePanel();
  const line = document.createElement("span");
  line.textContent = words;
  const links = ways.map(({ words: label, href }) => {
    const link = document.createElement("a");
    link.className = "fr-button is-primary";
    link.href = href;
    link.textContent = text(label);
    return link;
  });
  panel.className = `fr-notice fr-actions ${isBad ? "is-bad" : ""}`;
  panel.hidden = words === "";
  panel.replaceChildren(line, ...links);
}

function makePanel(): HTMLElement {
  const panel = document.createElement("div");
  panel.dataset.frStatus = "";
  panel.setAttribute("role", "status");
  const before = document.querySelector("#fr-pay, #fr-confirm");
  if (before) before.before(panel);
  else document.querySelector("main")?.append(panel);
  return panel;
}

/** Switch all controls of a form off, or on again. */
export function lock(form: HTMLFormElement | null, isLocked: boolean): void {
  for (const control of form?.elements ?? []) {
    if ("disabled" in control) control.disabled = isLocked;
  }
}
