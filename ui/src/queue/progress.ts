/** How far the line has moved, and how long the rest of it will take. Pure functions. */

import type { PublicStatus, SeenPlace } from "./facts";

/** A moment (server's clock, ms) and how many were ahead then. */
export interface Sample {
  readonly at: number;
  readonly ahead: number;
}

/** A wait in whole seconds, from the shortest to the longest that is likely. */
export interface Wait {
  readonly from: number;
  readonly to: number;
  /** People a second, as really seen; `undefined` while too little was. */
  readonly rate: number | undefined;
}

const WINDOW_MS = 120_000;
const SHORTEST_WINDOW_MS = 10_000;
const SPREAD = 0.2;
const SPREAD_UNSEEN = 0.35;

/**
 * Return how many are ahead by now: those of the place, less the share that was called since.
 *
 * Numbers of a draw have gaps, so a difference of numbers is no count of people; but those between
 * `servingThen` and the fan's number are spread evenly.
 */
export function aheadNow(place: SeenPlace, status: PublicStatus | undefined): number {
  const called = Math.max(place.servingThen, status?.serving ?? 0);
  const between = place.number - place.servingThen;
  if (between <= 0) return place.ahead;
  const share = Math.min(1, (called - place.servingThen) / between);
  return Math.max(0, Math.round(place.ahead * (1 - share)));
}

/** Return what the bar shows, 0 to 1; it never goes back behind `before`. */
export function progress(ahead: number, aheadAtFirst: number, before: number): number {
  const now = aheadAtFirst <= 0 ? 1 : 1 - ahead / aheadAtFirst;
  return Math.min(1, Math.max(before, now, 0));
}

/** Return the samples of the last two minutes with a new one; a line that grew begins again. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last && sample.at <= last.at) return samples;
  if (last && sample.ahead > last.ahead) return [sample];
  return [...samples.filter(({ at }) => at > sample.at - WINDOW_MS), sample];
}

/** Return the people a second that the samples show, `undefined` while they show too little. */
export function rateSeen(samples: readonly Sample[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at - first.at < SHORTEST_WINDOW_MS) return undefined;
  const rate = ((first.ahead - last.ahead) * 1000) / (last.at - first.at);
  return rate > 0 ? rate : undefined;
}

/** Return the wait that is left, as a range: by the rate seen, else by what the server expects. */
export function waitOf(
  place: SeenPlace,
  status: PublicStatus | undefined,
  samples: readonly Sample[],
  now: number,
): Wait {
  const rate = rateSeen(samples);
  const expected =
    rate === undefined
      ? place.eta_seconds - (now - place.seenAt) / 1000
      : aheadNow(place, status) / rate;
  const spread = rate === undefined ? SPREAD_UNSEEN : SPREAD;
  const seconds = Math.max(0, expected);
  return {
    from: Math.floor(seconds * (1 - spread)),
    to: Math.ceil(seconds * (1 + spread)),
    rate,
  };
}

/** Return a wait in whole minutes for people, `undefined` for less than one. */
export function minutesOf({ from, to }: Wait): { from: number; to: number } | undefined {
  if (to < 60) return undefined;
  const step = to >= 3600 ? 5 : 1;
  const least = Math.max(1, Math.floor(from / 60 / step) * step);
  return { from: least, to: Math.max(least, Math.ceil(to / 60 / step) * step) };
}
