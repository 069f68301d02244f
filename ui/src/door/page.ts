/** `<fr-door>`: the page on which tickets are scanned. */

import { timeOfDay } from "../core/format";
import { keepThisPage } from "../core/keep_page";
import { type Problem, problemOf, wordsOf } from "../core/problem";
import { speak } from "../core/speak";
import { text } from "../core/text";
import { AnswerScreen, detailOf } from "./answer";
import { doorData, factsOf } from "./facts";
import { type Decision, type Gate, openGate, type Reading } from "./gate";
import { guardLogout } from "./leaving";
import { forgetPlace, gateNamed, keepPlace, placeAt } from "./place";
import { Search } from "./search";
import { showStanding } from "./standing";
import { UndoDialog } from "./undo";
import { Viewfinder } from "./viewfinder";
import { listenToWedge } from "./wedge";
import { ANSWERS, REFUSALS, SAID } from "./words";

const RECENT = 8;

class Door extends HTMLElement {
  readonly #data = doorData();
  #opening: Promise<Gate> | undefined;
  #gate: Gate | undefined;
  #answer: AnswerScreen | undefined;
  #undo: UndoDialog | undefined;

  connectedCallback(): void {
    const opened = async () => this.#opening?.catch(() => undefined);
    guardLogout((words) => this.#say(words), opened);
    const place = placeAt(Date.now());
    if (place?.performanceId === this.#data.performance.id) void this.#work(place.gate);
    else this.#askForGate();
  }

  #askForGate(): void {
    const form = this.#find<HTMLFormElement>("[data-fr-gate-form]");
    form.hidden = false;
    // A device that moves to another performance mostly stays at its gate.
    this.#find<HTMLInputElement>("#gate").value = placeAt(Date.now())?.gate ?? "";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const gate = gateNamed(String(new FormData(form).get("gate") ?? ""));
      if (!gate) return;
      const { id: performanceId, kept_until: until } = this.#data.performance;
      keepPlace({ performanceId, gate, until });
      form.hidden = true;
      void this.#work(gate);
    });
  }

  async #work(gateName: string): Promise<void> {
    try {
      this.#opening = openGate(this.#data.performance.id, gateName, factsOf(this.#data));
      this.#gate = await this.#opening;
    } catch (error) {
      this.#fail(problemOf(error));
      return;
    }
    const gate = this.#gate;
    this.#undo = new UndoDialog(this.#find("[data-fr-undo]"), (one, reason) =>
      this.#takeBack(one, reason),
    );
    const undo = this.#undo;
    this.#answer = new AnswerScreen(this.#find("[data-fr-answer]"), (one) => undo.open(one));
    this.#find("[data-fr-gate-name]").textContent = gateName;
    this.#find("[data-fr-work]").hidden = false;
    gate.onChange(() => showStanding(this, gate.standing()));
    showStanding(this, gate.standing());
    const scanned = (by: Reading) => (code: string) => void this.#scan(code, by);
    listenToWedge(scanned("scanner"));
    new Search(this, this.#data, gate, scanned("hand"));
    this.#listenToForms(scanned("hand"));
    new Viewfinder(this, this.#data.urls, scanned("camera"));
    this.addEventListener("click", () => this.#answer?.allowSound());
    void this.#keep().catch(() => undefined); // without it the page needs a network to open
    this.dataset.frReady = "yes";
  }

  /** Let the device keep the page and what it may need later, so that it opens without a network. */
  async #keep(): Promise<void> {
    const { keeper, reader, wasm } = this.#data.urls;
    await keepThisPage(keeper, [reader, wasm]);
  }

  /** Let a code be decided, and show what it comes to. */
  async #scan(code: string, by: Reading): Promise<void> {
    if (!this.#gate) return;
    this.#answer?.allowSound();
    const decision = await this.#gate.scan(code, by);
    this.#undo?.dismiss();
    this.#answer?.show(decision);
    this.#remember(decision);
  }

  #remember(decision: Decision): void {
    const list = this.#find("[data-fr-recent]");
    const line = document.createElement("li");
    const words = document.createElement("span");
    const said = [timeOfDay(Date.now()), text(ANSWERS[decision.outcome]), detailOf(decision)];
    words.textContent = said.filter(Boolean).join(" · ").replace(/\n/g, " · ");
    line.dataset.outcome = decision.outcome;
    line.dataset.scan = decision.scanId;
    line.append(words);
    if (decision.outcome === "admitted") line.append(this.#undoButton(decision));
    list.prepend(line);
    while (list.children.length > RECENT) list.lastElementChild?.remove();
    this.#find("[data-fr-no-recent]").hidden = true;
  }

  #undoButton(decision: Decision): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fr-button is-quiet";
    button.textContent = [text(SAID.undo), decision.seat ?? ""].join(" ").trim();
    button.addEventListener("click", () => this.#undo?.open(decision));
    return button;
  }

  async #takeBack({ scanId }: Decision, reason: string): Promise<void> {
    let words = text(SAID.undone);
    try {
      if ((await this.#gate?.undo(scanId, reason)) === "here") words = text(SAID.undone_here);
    } catch (error) {
      this.#fail(problemOf(error));
      return;
    }
    const line = this.querySelector<HTMLElement>(`[data-scan="${CSS.escape(scanId)}"]`);
    if (line) line.dataset.undone = "yes";
    line?.querySelector("button")?.replaceWith(words);
    speak(words);
  }

  #listenToForms(typed: (code: string) => void): void {
    const form = this.#find<HTMLFormElement>("[data-fr-code-form]");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const code = String(new FormData(form).get("code") ?? "").trim();
      form.reset();
      if (code) typed(code);
    });
    this.#find("[data-fr-change-gate]").addEventListener("click", () => {
      forgetPlace();
      location.reload();
    });
  }

  #fail(problem: Problem): void {
    this.#say(wordsOf(problem, REFUSALS));
  }

  #say(words: string): void {
    const fault = this.#find("[data-fr-fault]");
    fault.textContent = words;
    fault.hidden = false;
    fault.scrollIntoView({ block: "nearest" });
  }

  #find<E extends HTMLElement = HTMLElement>(selector: string): E {
    const found = this.querySelector<E>(selector);
    if (!found) throw new TypeError(`the page has no ${selector}`);
    return found;
  }
}

/** Define the element. */
export function defineDoor(): void {
  customElements.define("fr-door", Door);
}
