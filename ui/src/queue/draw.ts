/** Checks the draw in the page: that the fan's own number is what seed and turn give. */

import type { components } from "../../generated/api";

export type Draw = components["schemas"]["Draw"];
export type Verdict =
  | { readonly isRight: true; readonly nth: number }
  | { readonly isRight: false; readonly why: "seed" | "beacon" | "number" | "commitment" };

const HALF = 1024;
const ROUNDS = 6;
const encoder = new TextEncoder();

/** Return the bytes of a digest of a text. */
async function digest(algorithm: "SHA-1" | "SHA-256", words: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, encoder.encode(words)));
}

/** Return bytes in hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function mixed(key: string, round: number, half: number): Promise<number> {
  const [a = 0, b = 0, c = 0] = await digest("SHA-1", `${key}:${round}:${half}`);
  return (a << 16) | (b << 8) | c;
}

/** Return the number that the `nth` who joined before the opening drew (`Draw.algorithm`). */
export async function numberOf(nth: number, key: string, start: number): Promise<number> {
  let left = Math.floor((nth - 1) / HALF);
  let right = (nth - 1) % HALF;
  for (let round = 1; round <= ROUNDS; round += 1) {
    [left, right] = [right, (left + (await mixed(key, round, right))) % HALF];
  }
  return start + left * HALF + right + 1;
}

/** Return as which one the holder of a drawn number joined. */
export async function orderOf(number: number, key: string, start: number): Promise<number> {
  let left = Math.floor((number - start - 1) / HALF);
  let right = (number - start - 1) % HALF;
  for (let round = ROUNDS; round >= 1; round -= 1) {
    const before = (right - (await mixed(key, round, left))) % HALF;
    [left, right] = [(before + HALF) % HALF, left];
  }
  return left * HALF + right + 1;
}

/** Return the line of the roster of who drew a number. */
export async function rosterLine(
  performanceId: string,
  userId: string,
  number: number,
): Promise<string> {
  return hex((await digest("SHA-256", `${performanceId}:${userId}:${number}`)).slice(0, 16));
}

/** Return what keys a draw whose seed is public. */
async function keyOf({ seed, beacon }: Draw): Promise<string> {
  if (!beacon?.mixed || !beacon.value) return seed ?? "";
  return hex(await digest("SHA-256", `${seed}:${beacon.value}`)).slice(0, 32);
}

/** Judge a revealed draw for one number; `noted`: the commitment that was seen before. */
export async function verify(
  draw: Draw,
  number: number,
  noted: string | undefined,
): Promise<Verdict> {
  const seed = draw.seed ?? "";
  if (noted !== undefined && noted !== draw.commitment)
    return { isRight: false, why: "commitment" };
  if (hex(await digest("SHA-256", seed)) !== draw.commitment)
    return { isRight: false, why: "seed" };
  if (draw.beacon && !draw.beacon.mixed) return { isRight: false, why: "beacon" };
  const key = await keyOf(draw);
  const nth = await orderOf(number, key, draw.start);
  const isOne = nth >= 1 && nth <= draw.entrants;
  if (!isOne || (await numberOf(nth, key, draw.start)) !== number) {
    return { isRight: false, why: "number" };
  }
  return { isRight: true, nth };
}
