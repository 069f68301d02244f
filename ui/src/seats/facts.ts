/** What the seat map's page hands to its script, and the documents that it reads. */

import type { components } from "../../generated/api";
import type { PageData } from "../core/page";

export type Availability = components["schemas"]["Availability"];
export type Reservation = components["schemas"]["Reservation"];
export type Wish = components["schemas"]["BestAvailableRequest"];
type Performance = components["schemas"]["Performance"];

export interface SeatsData extends PageData {
  readonly performance: Performance & { readonly title: string };
  readonly urls: PageData["urls"] & {
    /** The checkout's page, with `{reservation}` in the place of the id. */
    readonly checkout: string;
    readonly queue: string;
    readonly list: string;
    readonly performance_page: string;
  };
}
