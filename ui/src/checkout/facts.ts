/** What the pages of paying hand to their script. */

import type { components } from "../../generated/api";
import type { PageData } from "../core/page";

export type Payment = components["schemas"]["Payment"];
export type Charge = components["schemas"]["Charge"];
export type Reservation = components["schemas"]["Reservation"];

export interface CheckoutData extends PageData {
  readonly page: "checkout";
  /** The server's time when the page was made. */
  readonly now: string;
  readonly reservation: Reservation;
  /** The page was made while a payment was being confirmed: it has no form. */
  readonly processing: boolean;
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
  readonly id: string;
  readonly payment_key: string | null;
  readonly failure: { readonly code: string } | null;
  readonly urls: PageData["urls"] & { readonly done: string; readonly back: string };
}
