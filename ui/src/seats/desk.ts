/** Holds: placed with a key, found again, and given back. */

import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { newKey } from "../core/keys";
import { needsLogin, problemOf } from "../core/problem";
import { queueToken } from "../queue/store";
import type { Reservation, Wish } from "./facts";

const RESERVATIONS = "/api/v1/reservations/";
const RESERVATION = "/api/v1/reservations/{reservation_id}/";
/** Either these seats or the best ones there are. */
export type Wanted = { readonly seat_ids: string[] } | { readonly best_available: Wish };

export class HoldDesk {
  readonly #api: Api;
  readonly #performanceId: string;
  #key: { wanted: string; key: string } | undefined;

  constructor(api: Api, performanceId: string) {
    this.#api = api;
    this.#performanceId = performanceId;
  }

  /** Hold all seats or none. Raises Problem; `busy` was asked once more before. */
  async place(wanted: Wanted): Promise<Reservation> {
    const name = JSON.stringify(wanted);
    // A press after an answer that got lost repeats its key, and finds the hold that it made.
    if (this.#key?.wanted !== name) this.#key = { wanted: name, key: newKey() };
    const userId = await this.#api.login.userId();
    const body = { performance_id: this.#performanceId, ...wanted };
    const token = queueToken(this.#performanceId, userId);
    const options = { key: this.#key.key, queueToken: token, tries: 2 };
    try {
      const made = await this.#api.post(RESERVATIONS, body, options);
      this.#key = undefined;
      return made;
    } catch (error) {
      const problem = problemOf(error);
      if (!problem.isPassing) this.#key = undefined;
      throw problem;
    }
  }

  /** Return the fan's own live hold here, if there is a login and a hold; raises Problem. */
  async live(): Promise<Reservation | undefined> {
    try {
      const page = await this.#api.get(RESERVATIONS, {
        query: { status: "PENDING", performance_id: this.#performanceId },
      });
      return page.results.find(({ expires_at }) => Date.parse(expires_at) > serverClock.now());
    } catch (error) {
      const problem = problemOf(error);
      if (needsLogin(problem)) return undefined;
      throw problem;
    }
  }

  /** Give a hold back; repeating it changes nothing. */
  async giveBack(reservationId: string): Promise<void> {
    await this.#api.delete(RESERVATION, { params: { reservation_id: reservationId } });
  }
}
