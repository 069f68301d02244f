/** Which state the page shows. A pure function of what is known. */

import { needsLogin } from "../core/problem";
import type { Facts } from "./facts";
import { isNear } from "./pacing";

export type Screen =
  | "joining"
  | "not_open"
  | "login"
  | "slow_down"
  | "challenge"
  | "invitation"
  | "presale"
  | "waiting"
  | "near"
  | "admitted"
  | "expired"
  | "left"
  | "finished"
  | "paused"
  | "draining"
  | "closed"
  | "not_required"
  | "sold_out"
  | "unavailable"
  | "offline"
  | "refused";

const OF_CODE: Readonly<Record<string, Screen>> = {
  queue_not_open: "not_open",
  rate_limited: "slow_down",
  challenge_required: "challenge",
  challenge_failed: "challenge",
  invitation_invalid: "invitation",
  invitation_used_up: "invitation",
  queue_closed: "closed",
  queue_not_required: "not_required",
  queue_paused: "paused",
  queue_unavailable: "unavailable",
  offline: "offline",
};

/** What hides no place: the words stand beside it. */
const BESIDE = new Set(["rate_limited", "invitation_invalid", "invitation_used_up"]);

/** Return the state to show; `now` is the server's time, `isSoldOut` that no seat is left. */
export function screenOf(facts: Facts, now: number, isSoldOut: boolean): Screen {
  const { place, status, problem } = facts;
  if (place && place.state !== "WAITING") return ofPlace(facts, now);
  if (problem && needsLogin(problem) && !place) return "login";
  if (problem && !(place && BESIDE.has(problem.code))) {
    const screen = OF_CODE[problem.code];
    if (screen) return screen;
    return problem.isPassing || problem.status >= 500 ? "unavailable" : "refused";
  }
  if (!place) return "joining";
  if (isSoldOut && status?.state !== "PRESALE") return "sold_out";
  switch (status?.state) {
    case "PRESALE":
      return "presale";
    case "PAUSED":
      return "paused";
    case "CLOSED":
      return "closed";
    case "DRAINING":
      return isNear(facts) ? "near" : "draining";
    default:
      return isNear(facts) ? "near" : "waiting";
  }
}

function ofPlace({ place }: Facts, now: number): Screen {
  switch (place?.state) {
    case "EXPIRED":
      return "expired";
    case "LEFT":
      return "left";
    case "FINISHED":
      return "finished";
    default: {
      const until = place?.admitted_until ? Date.parse(place.admitted_until) : Number.NaN;
      return until <= now ? "expired" : "admitted";
    }
  }
}
