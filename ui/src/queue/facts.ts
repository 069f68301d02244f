/** What a page knows of a waiting room and of the fan's place in it. */

import type { components } from "../../generated/api";
import type { PageData } from "../core/page";
import type { Problem } from "../core/problem";

export type Place = components["schemas"]["Place"];
export type PublicStatus = components["schemas"]["PublicStatus"];
export type Performance = components["schemas"]["Performance"];

export interface QueueData extends PageData {
  readonly performance: Performance & { readonly title: string };
  readonly challenge_site_key?: string | null;
  readonly urls: PageData["urls"] & {
    readonly seats: string;
    readonly performance_page: string;
    /** The same page without a script's help. */
    readonly plain: string;
  };
}

/** A place with the moment (server's clock, ms) at which it was so. */
export interface SeenPlace extends Place {
  readonly seenAt: number;
  /** `serving` of the room when the place was seen: how far the crowd has moved since. */
  readonly servingThen: number;
}

/** What all tabs of a fan share about one waiting room. */
export interface Facts {
  readonly place: SeenPlace | undefined;
  readonly status: PublicStatus | undefined;
  /** The refusal of the latest request, if it was refused. */
  readonly problem: Problem | undefined;
  /** How many were ahead when the fan joined: where the bar begins. */
  readonly aheadAtFirst: number;
}

export const NOTHING: Facts = {
  place: undefined,
  status: undefined,
  problem: undefined,
  aheadAtFirst: 0,
};
