/** What the door's pages are given: `boxoffice/door/pages.py`. */

import { cookie } from "../core/login";
import type { DoorFacts, TicketKey } from "./gate";

export interface DoorData {
  readonly page: "home" | "gate" | "conflicts";
  readonly csrf_cookie: string;
  readonly performance: {
    readonly id: string;
    readonly title: string;
    readonly opens_at: string | null;
    readonly closes_at: string;
    readonly kept_until: string;
  };
  readonly keys: readonly TicketKey[];
  readonly urls: {
    readonly scan: string;
    readonly batch: string;
    readonly undo: string;
    readonly list: string;
    readonly keys: string;
    readonly search: string;
    readonly keeper: string;
    readonly reader: string;
    readonly wasm: string;
  };
}

/** Return the data of the page. */
export function doorData(): DoorData {
  return JSON.parse(document.querySelector("#fr-data")?.textContent ?? "{}") as DoorData;
}

/** Return what a gate needs of it. The token is the cookie's: a page may be older than its login. */
export function factsOf({ urls, keys, performance, csrf_cookie }: DoorData): DoorFacts {
  return {
    scanUrl: urls.scan,
    batchUrl: urls.batch,
    undoUrl: urls.undo,
    listUrl: urls.list,
    keysUrl: urls.keys,
    keys,
    get csrf() {
      return cookie(csrf_cookie) ?? "";
    },
    opensAt: performance.opens_at,
    closesAt: performance.closes_at,
    keptUntil: performance.kept_until,
  };
}
