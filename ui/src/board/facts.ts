/** What a board is given: Note [Board] in boxoffice/board.py. */

import type { Money } from "../core/format";

export interface Figures {
  readonly as_of: string;
  readonly queue: {
    readonly state: string;
    readonly waiting: number;
    readonly active: number;
    readonly capacity: number;
    readonly rate: number;
    readonly pace: number;
    readonly admitted: number;
  } | null;
  readonly seats: {
    readonly available: number;
    readonly temporarily_reserved: number;
    readonly reserved: number;
    readonly blocked: number;
  };
  readonly money: { readonly sold: Money; readonly refunds: Money };
  readonly payments: {
    readonly paid: number;
    readonly failed: number;
    readonly undecided: number;
  };
  readonly events: { readonly age_seconds: number; readonly set_aside: number };
  /** Responses of the whole site within a minute: of 500, and of 500 or more. */
  readonly failures: { readonly defects: number; readonly all: number } | null;
  /** Start of the hour (seconds), holds, reservations, seats, amount. */
  readonly hours: readonly (readonly [number, number, number, number, number])[];
  readonly alerts: readonly {
    readonly code: string;
    readonly says: string;
    readonly url: string;
  }[];
}

export interface BoardData {
  readonly figures: Figures;
  readonly is_public: boolean;
  readonly urls: {
    readonly figures: string;
    readonly login: string;
    readonly seatmap: string;
    readonly availability: string;
  };
}
