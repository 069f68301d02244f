/** The worker of a page: timers that run on in a hidden tab, and proofs of work. */

import { sha256 } from "@noble/hashes/sha2.js";
import { leadingZeroBits } from "./work";

interface Order {
  readonly id: number;
  readonly milliseconds?: number;
  readonly challenge?: string;
  readonly bits?: number;
}

const BATCH = 20_000; // hashes between two words of progress, some 50 ms
const encoder = new TextEncoder();

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  if (data.milliseconds !== undefined)
    setTimeout(() => postMessage({ id: data.id }), data.milliseconds);
  else if (data.challenge !== undefined) work(data.id, data.challenge, data.bits ?? 0, 0);
});

/** Try numbers until SHA-256 of "challenge:number" begins with enough zero bits. */
function work(id: number, challenge: string, bits: number, from: number): void {
  for (let nonce = from; nonce < from + BATCH; nonce += 1) {
    if (leadingZeroBits(sha256(encoder.encode(`${challenge}:${nonce}`))) >= bits) {
      postMessage({ id, response: String(nonce) });
      return;
    }
  }
  postMessage({ id, tried: from + BATCH });
  // Between two batches a timer may be set or end.
  setTimeout(() => work(id, challenge, bits, from + BATCH), 0);
}
