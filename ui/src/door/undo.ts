/** The dialog that asks why an admission is undone. */

import type { Decision } from "./gate";

export class UndoDialog {
  readonly #dialog: HTMLDialogElement;
  readonly #undo: (decision: Decision, reason: string) => void;
  #asked: Decision | undefined;

  constructor(dialog: HTMLDialogElement, undo: (decision: Decision, reason: string) => void) {
    this.#dialog = dialog;
    this.#undo = undo;
    dialog.addEventListener("close", () => this.#close());
  }

  open(decision: Decision): void {
    this.#asked = decision;
    const what = this.#dialog.querySelector("[data-fr-undo-what]");
    if (what) what.textContent = [decision.seat, decision.holder].filter(Boolean).join(" · ");
    this.#dialog.querySelector("form")?.reset();
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
  }

  /** Close it without an answer: the next ticket is there. */
  dismiss(): void {
    this.#asked = undefined;
    this.#dialog.close();
  }

  #close(): void {
    const reason = this.#dialog.querySelector("input")?.value.trim() ?? "";
    const decision = this.#asked;
    this.#asked = undefined;
    if (decision && reason && this.#dialog.returnValue === "undo") this.#undo(decision, reason);
  }
}
