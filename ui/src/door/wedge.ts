/**
 * Scanners that type like a keyboard.
 *
 * A key is read by its place (`KeyboardEvent.code`) and Shift, as on the keyboard of the United
 * States that scanners speak: a Hangul input method or Caps Lock changes nothing. Pace tells a
 * scanner from a person.
 */

const GAP_MS = 50; // between two keys of a scanner; nobody types a code that fast
const SHORTEST = 8; // characters; less is a person's
// A scanner may send no Enter: a ticket's code or QR code of this length is whole after a silence.
const WHOLE = new Set([12, 122]);
const SILENCE_MS = 150;
const SHIFTS = /^(Shift|CapsLock)/;
const ENDS = new Set(["Enter", "NumpadEnter", "Tab"]);
const PLAIN: Readonly<Record<string, string>> = {
  Space: " ",
  Minus: "-",
  Equal: "=",
  Period: ".",
  Slash: "/",
  Semicolon: ";",
  NumpadAdd: "+",
  NumpadSubtract: "-",
  NumpadMultiply: "*",
  NumpadDivide: "/",
  NumpadDecimal: ".",
};
const SHIFTED: Readonly<Record<string, string>> = {
  Digit4: "$",
  Digit5: "%",
  Digit8: "*",
  Minus: "_",
  Equal: "+",
  Semicolon: ":",
};

/** Return the character at a key's place; `undefined` where no code has one. */
export function characterAt(code: string, shift: boolean): string | undefined {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return shift ? letter : letter.toLowerCase();
  if (shift && code in SHIFTED) return SHIFTED[code];
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(code)?.[1];
  if (digit) return shift && code.startsWith("Digit") ? undefined : digit;
  return code === "Space" || !shift || code.startsWith("Numpad") ? PLAIN[code] : undefined;
}

/** Keys as they come; times are milliseconds, of the events themselves. */
export class Wedge {
  #text = "";
  #last = Number.NEGATIVE_INFINITY;

  /** How many characters came as fast as a scanner's, up to now. */
  get length(): number {
    return this.#text.length;
  }

  /** Take a key; returns the text of a scan whose last key this is. */
  key(code: string, shift: boolean, at: number): string | undefined {
    if (at - this.#last > GAP_MS) this.#text = "";
    this.#last = at;
    if (SHIFTS.test(code)) return undefined;
    if (ENDS.has(code)) return this.#text.length < SHORTEST ? this.#drop() : this.#taken();
    const character = characterAt(code, shift);
    this.#text = character === undefined ? "" : this.#text + character;
    return undefined;
  }

  /** Return the text of a scan that came without an end, once it is silent. */
  silence(): string | undefined {
    return WHOLE.has(this.#text.length) ? this.#taken() : undefined;
  }

  #drop(): undefined {
    this.#text = "";
  }

  #taken(): string {
    const text = this.#text;
    this.#text = "";
    // Codes are capitals, but for the old form of QR codes.
    return text.startsWith("ey") ? text : text.toUpperCase();
  }
}

/** Call `scanned` for each scan, wherever the focus is; a field keeps what stood in it before. */
export function listenToWedge(scanned: (text: string) => void): void {
  const wedge = new Wedge();
  let field: { readonly input: HTMLInputElement; readonly before: string } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const done = (text: string | undefined) => {
    if (text === undefined) return;
    if (field) {
      field.input.blur(); // ends what an input method composes
      field.input.value = field.before;
      field.input.focus();
    }
    scanned(text);
  };
  const listen = (event: KeyboardEvent) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const wasReading = wedge.length > 1;
    const { target } = event;
    const input = target instanceof HTMLInputElement ? target : undefined;
    const before = input?.value ?? "";
    const text = wedge.key(event.code, event.shiftKey, event.timeStamp);
    const isCharacter = characterAt(event.code, event.shiftKey) !== undefined; // and no Shift
    if (isCharacter && wedge.length === 1) field = input && { input, before };
    clearTimeout(timer);
    if (text !== undefined || (wasReading && !input)) event.preventDefault();
    if (wedge.length > 1) timer = setTimeout(() => done(wedge.silence()), SILENCE_MS);
    done(text);
  };
  window.addEventListener("keydown", listen, { capture: true });
  // A blank presses the button that has the focus when its key comes up.
  const lift = (event: KeyboardEvent) => {
    if (event.code === "Space" && wedge.length > 1) event.preventDefault();
  };
  window.addEventListener("keyup", lift, { capture: true });
}
