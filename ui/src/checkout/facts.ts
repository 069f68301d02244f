/** What the pages of paying hand to their script. */

import type { components } from "../../generated/api";
import type { Money } from "../core/format";
import type { PageData } from "../core/page";

export type Payment = components["schemas"]["Payment"];
export type Charge = components["schemas"]["Charge"];
export type Reservation = components["schemas"]["Reservation"];

export interface CheckoutData extends PageData {
  readonly page: "checkout";
  /** The server's time when the page was made. */
  readonly now: string;
  readonly reservation: Reservation;
  readonly points: Money;
  readonly urls: PageData["urls"] & {
    readonly return: string;
    readonly done: string;
    readonly seats: string;
  };
}

export interface ReturnData extends PageData {
  readonly page: "return";
  readonly now: string;
  readonly kind: "payment" | "charge";
  readonly id: string | null;
  readonly payment_key: string | null;
  readonly failure: { readonly code: string } | null;
  readonly urls: PageData["urls"] & { readonly done: string; readonly back: string };
}
