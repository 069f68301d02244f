/** Our reader of QR codes for browsers without one: zxing-cpp in WebAssembly, loaded when needed. */

import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";
import type { CodeReader } from "./scanner";

/** Return the reader, whose WebAssembly is at an address of our own. */
export async function openOwnReader(wasm: string): Promise<CodeReader> {
  await prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
  return new BarcodeDetector({ formats: ["qr_code"] });
}
