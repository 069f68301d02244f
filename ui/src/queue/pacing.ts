/** What to ask next, and when. Pure functions: the crowd's load is decided here. */

import { needsLogin, type Problem } from "../core/problem";
import type { Facts } from "./facts";
import { aheadNow } from "./progress";

export type Question = "place" | "status" | "join";
export interface Step {
  readonly ask: Question;
  /** Milliseconds from now. */
  readonly inMs: number;
}

/** So many seconds of the rate before the turn a fan is near, and asks for the own place. */
const NEAR_SECONDS = 10;
const SHORTEST_MS = 1000;
const LONGEST_STATUS_MS = 30_000;
const ADMITTED_MS = 20_000;
const JITTER = 0.2;
const DONE = new Set(["EXPIRED", "LEFT", "FINISHED"]);

/** Return `ms` with up to a fifth more or less; `random` is 0 to 1. */
export function spread(ms: number, random: number): number {
  return ms * (1 - JITTER + 2 * JITTER * random);
}

/** Whether the turn may come before the far crowd's next question. */
export function isNear({ place, status }: Facts): boolean {
  if (place?.state !== "WAITING") return false;
  if (!status) return place.eta_seconds <= NEAR_SECONDS;
  if (status.state !== "OPEN" && status.state !== "DRAINING") return false;
  if (status.serving >= place.number) return true;
  return aheadNow(place, status) <= Math.max(1, status.rate_per_second) * NEAR_SECONDS;
}

/**
 * Return the next question of a fan, or `undefined` where nothing changes any more.
 *
 * Far from the turn only the public status is asked, which is the same for everybody; the own place
 * at the pace that the server gave with it. `now` and `random` make the function pure.
 */
export function nextStep(facts: Facts, now: number, random: number): Step | undefined {
  const { place, status, problem } = facts;
  if (problem && (!place || problem.code !== "offline")) {
    const step = afterProblem(facts, random);
    if (step !== "go on") return step;
  }
  if (!place) return { ask: "join", inMs: 0 };
  if (DONE.has(place.state)) return undefined;
  const sincePlace = now - place.seenAt;
  const paced = place.poll_after_seconds * 1000 - sincePlace;
  if (place.state === "ADMITTED") {
    return { ask: "place", inMs: Math.max(SHORTEST_MS, Math.min(paced, ADMITTED_MS)) };
  }
  if (isNear(facts)) {
    // Those whose number was called together don't come in the same instant.
    return { ask: "place", inMs: Math.max(spread(SHORTEST_MS, random), Math.min(paced, 5000)) };
  }
  const every = Math.min((status?.poll_after_seconds ?? 2) * 1000, LONGEST_STATUS_MS);
  const inMs = Math.max(SHORTEST_MS, spread(every, random));
  return paced <= inMs && mayAskPlace(facts)
    ? { ask: "place", inMs: Math.max(SHORTEST_MS, paced) }
    : { ask: "status", inMs };
}

/** A closed room shows no places to those who wait. */
function mayAskPlace({ status }: Facts): boolean {
  return status?.state !== "CLOSED";
}

function afterProblem({ place, problem }: Facts, random: number): Step | undefined | "go on" {
  if (!problem) return "go on";
  const asked = problem.retryAfter;
  const wait = (seconds: number) => seconds * 1000 * (1 + random / 4);
  switch (problem.code) {
    case "queue_paused":
    case "queue_not_open":
      return { ask: place ? "status" : "join", inMs: wait(asked ?? 10) };
    case "queue_closed":
      return place ? { ask: "status", inMs: wait(asked ?? 15) } : undefined;
    case "queue_token_invalid":
      return { ask: "join", inMs: wait(1) };
    case "offline":
    case "timeout":
    case "queue_unavailable":
    case "rate_limited":
      return { ask: place ? "place" : "join", inMs: wait(asked ?? 3) };
    default:
      if (problem.isPassing) return { ask: place ? "place" : "join", inMs: wait(asked ?? 3) };
      // A fault of the server's, or a refusal that somebody who waits can't help: asked on.
      if (isAskedOn(place?.state, problem)) {
        return { ask: place ? "place" : "join", inMs: wait(asked ?? 10) };
      }
      return undefined; // a refusal: the page says what helps
  }
}

function isAskedOn(state: string | undefined, problem: Problem): boolean {
  if (problem.status >= 500) return true;
  const lasts = needsLogin(problem) || problem.status === 404;
  return !lasts && (state === "WAITING" || state === "ADMITTED");
}
