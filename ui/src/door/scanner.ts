/** Reads QR codes from a running video: by the browser itself where it can, else by our reader. */

import { trusted } from "../core/trusted";

const EVERY_MS = 80; // a look; a phone's processor has the time between for everything else
const GONE_MS = 2500; // out of sight for so long, a ticket that comes back is scanned again

/** What reads codes in a picture. */
export interface CodeReader {
  detect(picture: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}

interface Native {
  new (options: { formats: string[] }): CodeReader;
  getSupportedFormats(): Promise<readonly string[]>;
}

/** Return the browser's reader, else ours: a module at `reader`, its WebAssembly at `wasm`. */
export async function openReader(reader: string, wasm: string): Promise<CodeReader> {
  const { BarcodeDetector: native } = globalThis as { BarcodeDetector?: Native };
  const formats = (await native?.getSupportedFormats().catch(() => [])) ?? [];
  if (native && formats.includes("qr_code")) return new native({ formats: ["qr_code"] });
  const module = (await import(trusted(reader))) as typeof import("./reader");
  return module.openOwnReader(wasm);
}

/** Which of the codes in sight are new: one that stays in sight is scanned once. */
export class Sight {
  readonly #seen = new Map<string, number>();

  /** Return the codes that were not in sight lately; `at` in milliseconds. */
  news(codes: readonly string[], at: number): string[] {
    for (const [code, last] of this.#seen) if (at - last > GONE_MS) this.#seen.delete(code);
    const fresh = codes.filter((code) => code !== "" && !this.#seen.has(code));
    for (const code of codes) this.#seen.set(code, at);
    return fresh;
  }
}

/** Call `scanned` for each new code in the video, until `signal` aborts. */
export async function watch(
  video: HTMLVideoElement,
  reader: CodeReader,
  scanned: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const sight = new Sight();
  while (!signal.aborted) {
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && !document.hidden) {
      const found = await reader.detect(video).catch(() => []); // a frame may be gone already
      if (signal.aborted) return;
      for (const code of sight.news(
        found.map((one) => one.rawValue),
        performance.now(),
      )) {
        scanned(code);
      }
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}
