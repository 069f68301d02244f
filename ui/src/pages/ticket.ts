/** The script of a ticket: the screen stays on at the gate, and a ticket can be sent on. */

import { ScreenLock } from "../core/wake";
import { enhance } from "./common";

enhance();

const lock = new ScreenLock();
for (const button of document.querySelectorAll<HTMLElement>("[data-fr-wake]")) {
  button.hidden = !ScreenLock.isPossible;
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(!lock.isWanted));
    void lock.set(!lock.isWanted);
  });
}
for (const button of document.querySelectorAll<HTMLElement>("[data-fr-share]")) {
  button.hidden = !("share" in navigator);
  button.addEventListener("click", () => {
    // Closing the sheet is no failure.
    navigator.share({ title: document.title, url: location.href }).catch(() => undefined);
  });
}
