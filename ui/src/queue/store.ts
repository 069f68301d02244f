/** A fan's place between page loads: in localStorage, by performance and user. */

import { uuidOf } from "../core/login";
import type { SeenPlace } from "./facts";

export interface Kept {
  readonly place: SeenPlace;
  readonly aheadAtFirst: number;
}

const PREFIX = "fr-queue:";
const LAST = "fr-queue-user:";
const DRAW = "fr-queue-draw:";

/** Return the user id (UUID) and the number that a join token names. */
export function holderOf(token: string): { userId: string; number: number } | undefined {
  const [, , user = "", number = ""] = token.split(".");
  const userId = uuidOf(user);
  if (!userId || !/^\d+$/.test(number)) return undefined;
  return { userId, number: Number(number) };
}

/** Return what was kept for a fan; without a user id, for the last fan of this browser. */
export function recall(performanceId: string, userId?: string): Kept | undefined {
  try {
    const user = userId ?? localStorage.getItem(LAST + performanceId);
    const found = user && localStorage.getItem(`${PREFIX}${performanceId}:${user}`);
    if (!found) return undefined;
    const kept = JSON.parse(found) as Kept;
    return typeof kept.place?.token === "string" ? kept : undefined;
  } catch {
    return undefined; // storage is switched off, or somebody wrote into it
  }
}

/** Keep a fan's place. Without storage the place comes back by the login alone. */
export function keep(performanceId: string, userId: string, kept: Kept): void {
  try {
    localStorage.setItem(`${PREFIX}${performanceId}:${userId}`, JSON.stringify(kept));
    localStorage.setItem(LAST + performanceId, userId);
  } catch {
    // A full or forbidden storage loses nothing: the server knows the place.
  }
}

/** Forget a fan's place. */
export function discard(performanceId: string, userId: string): void {
  try {
    localStorage.removeItem(`${PREFIX}${performanceId}:${userId}`);
  } catch {
    // There was nothing to forget.
  }
}

/** Return what a hold sends as X-Queue-Token: the pass, else the join token. */
export function queueToken(performanceId: string, userId: string): string | undefined {
  const place = recall(performanceId, userId)?.place;
  return place?.pass ?? place?.token;
}

/** Note a draw's commitment as it is shown before the opening; the first one stays. */
export function noteCommitment(performanceId: string, commitment: string): void {
  try {
    if (!localStorage.getItem(DRAW + performanceId)) {
      localStorage.setItem(DRAW + performanceId, commitment);
    }
  } catch {
    // Without storage the page can't compare it later.
  }
}

/** Return the commitment that this browser noted before the opening, if it did. */
export function notedCommitment(performanceId: string): string | undefined {
  try {
    return localStorage.getItem(DRAW + performanceId) ?? undefined;
  } catch {
    return undefined;
  }
}
