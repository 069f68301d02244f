/** The live stream of a public document: heard while it is there, else the document is asked. */

import { after, cancel } from "./timers";

const SILENT_MS = 40_000; // the server says something each 15 s: such a stream is none
const AGAIN_MS = 5_000; // after a refusal, and as much by chance

export class LiveStream {
  /** Whether events come. */
  isOpen = false;
  readonly #names: readonly string[];
  readonly #hear: (name: string, data: unknown) => void;
  readonly #lost: () => void;
  #source: EventSource | undefined;
  #silence: number | undefined;
  #notBefore = 0;

  /** `hear` gets the events of these names; `lost` is called when there will be none for a while. */
  constructor(
    names: readonly string[],
    hear: (name: string, data: unknown) => void,
    lost: () => void,
  ) {
    this.#names = names;
    this.#hear = hear;
    this.#lost = lost;
    addEventListener("pagehide", () => this.close());
  }

  /** Open the stream that a document names, if there is one and it is not open already. */
  follow(address: string | null | undefined): void {
    if (this.#source || !address || Date.now() < this.#notBefore) return;
    const source = new EventSource(address);
    this.#source = source;
    for (const name of this.#names) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) => {
        this.isOpen = true;
        this.#watch();
        this.#hear(name, JSON.parse(data));
      });
    }
    // After a break the browser comes back by itself, with the id of the last event.
    source.onerror = () => this.#lose(source.readyState === EventSource.CLOSED);
    this.#watch();
  }

  close(): void {
    cancel(this.#silence);
    this.#source?.close();
    this.#source = undefined;
    this.isOpen = false;
  }

  #watch(): void {
    cancel(this.#silence);
    this.#silence = after(SILENT_MS, () => this.#lose(true));
  }

  #lose(forGood: boolean): void {
    if (forGood) {
      this.close();
      this.#notBefore = Date.now() + AGAIN_MS * (1 + Math.random());
    }
    this.isOpen = false;
    this.#lost();
  }
}

/** Return the CRC-32 of a text of ASCII letters, as zlib computes it. */
export function crc32(letters: string): number {
  let crc = -1;
  for (let index = 0; index < letters.length; index += 1) {
    crc ^= letters.charCodeAt(index);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
