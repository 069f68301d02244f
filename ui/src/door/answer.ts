/** The answer to a scan: full-screen colour, shape and word, with sound and vibration. */

import { timeOfDay } from "../core/format";
import { text } from "../core/text";
import type { Decision } from "./gate";
import { ANSWERS, SAID, type Tone } from "./words";

const SHOWN_MS = 1500; // an admission goes by itself; everything else waits for a look at it
// Hertz and seconds of each tone, one after the other.
const SOUNDS: Readonly<Record<Tone, readonly (readonly [number, number])[]>> = {
  good: [
    [880, 0.08],
    [1320, 0.12],
  ],
  warm: [
    [520, 0.12],
    [520, 0.12],
  ],
  bad: [[180, 0.5]],
};
const VIBRATIONS: Readonly<Record<Tone, number[]>> = {
  good: [80],
  warm: [120, 80, 120],
  bad: [400],
};

/** Return what stands below the word of an answer: seat and holder, when and where, how it was found. */
export function detailOf(decision: Decision): string {
  const { outcome, seat, holder, at, gate } = decision;
  const when = outcome === "already_admitted" && at ? timeOfDay(Date.parse(at)) : "";
  const where = outcome === "already_admitted" && gate ? gate : "";
  const whose = [seat, holder].filter(Boolean).join(" · ");
  const before = [when, where].filter(Boolean).join(", ");
  const why = outcome === "type_code" ? SAID.no_signature : SAID.by_list;
  return [whose, before, decision.byList ? text(why) : ""].filter(Boolean).join("\n");
}

export class AnswerScreen {
  readonly #screen: HTMLElement;
  readonly #undo: (decision: Decision) => void;
  #sound: AudioContext | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #focusBefore: Element | null = null;
  #shown: Decision | undefined;

  constructor(screen: HTMLElement, undo: (decision: Decision) => void) {
    this.#screen = screen;
    this.#undo = undo;
    this.#part("next").addEventListener("click", () => this.hide());
    this.#part("undo").addEventListener("click", () => {
      const decision = this.#shown;
      this.hide();
      if (decision) this.#undo(decision);
    });
    screen.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
  }

  /** Let sounds play: browsers want a press first. */
  allowSound(): void {
    this.#sound ??= new AudioContext();
    void this.#sound.resume().catch(() => undefined);
  }

  show(decision: Decision): void {
    const { tone, ...word } = ANSWERS[decision.outcome];
    clearTimeout(this.#timer);
    if (this.#screen.hidden) this.#focusBefore = document.activeElement;
    this.#shown = decision;
    this.#screen.dataset.tone = tone;
    this.#screen.dataset.outcome = decision.outcome;
    this.#part("word").textContent = text(word);
    this.#part("more").textContent = detailOf(decision);
    this.#part("undo").hidden = decision.outcome !== "admitted";
    this.#screen.hidden = false;
    this.#screen.focus(); // which reads it out
    this.#play(tone);
    navigator.vibrate?.(VIBRATIONS[tone]);
    if (tone === "good") this.#timer = setTimeout(() => this.#leave(), SHOWN_MS);
  }

  hide(): void {
    clearTimeout(this.#timer);
    if (this.#screen.hidden) return;
    this.#screen.hidden = true;
    if (this.#focusBefore instanceof HTMLElement) this.#focusBefore.focus();
  }

  /** Go by itself, unless somebody is about to press a button of it. */
  #leave(): void {
    if (document.activeElement === this.#screen || !this.#screen.contains(document.activeElement)) {
      this.hide();
    }
  }

  #part(name: string): HTMLElement {
    const found = this.#screen.querySelector<HTMLElement>(`[data-fr-answer-${name}]`);
    if (!found) throw new TypeError(`the page has no part for the answer: ${name}`);
    return found;
  }

  #play(tone: Tone): void {
    const sound = this.#sound;
    if (sound?.state !== "running") return;
    let at = sound.currentTime;
    for (const [hertz, seconds] of SOUNDS[tone]) {
      const voice = new OscillatorNode(sound, { frequency: hertz, type: "square" });
      voice.connect(new GainNode(sound, { gain: 0.2 })).connect(sound.destination);
      voice.start(at);
      voice.stop(at + seconds);
      at += seconds + 0.04;
    }
  }
}
