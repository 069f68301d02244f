/** Beginning to pay: each attempt once, and one at a time. */

import type { Api } from "../core/api";
import { problemOf } from "../core/problem";
import type { CheckoutData, Payment } from "./facts";
import { dropKey, hasKey, keyOf } from "./session";
import { fetchItem } from "./settle";

export interface Wish {
  readonly method: "POINTS" | "CARD";
  /** The part to pay by points. */
  readonly points: number;
}

export class Attempts {
  readonly #api: Api;
  readonly #data: CheckoutData;

  constructor(api: Api, data: CheckoutData) {
    this.#api = api;
    this.#data = data;
  }

  /** Begin to pay, or find the attempt that was begun so; another that waits is given up. */
  async begin(wish: Wish): Promise<Payment> {
    const isRepeated = hasKey(...this.#nameOf(wish));
    try {
      const made = await this.#send(wish);
      return isRepeated ? await this.#asItIsNow(made, wish) : made;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code !== "payment_in_progress") throw problem;
      const earlier = await this.#earlier();
      if (earlier && earlier.status !== "REQUIRES_ACTION") return earlier;
      if (earlier) await this.#abandon(earlier.id);
      this.forget(wish);
      return this.#send(wish);
    }
  }

  /** Let the next try be another attempt. */
  forget(wish: Wish): void {
    dropKey(...this.#nameOf(wish));
  }

  /** A repeated request gets the first answer again, and that attempt may have ended since. */
  async #asItIsNow(made: Payment, wish: Wish): Promise<Payment> {
    const now = (await fetchItem(this.#api, "payment", made.id)) as Payment;
    if (now.status !== "FAILED") return now;
    this.forget(wish);
    return this.#send(wish);
  }

  #send({ method, points }: Wish): Promise<Payment> {
    const body = {
      reservation_id: this.#data.reservation.id,
      method,
      points_amount: points,
      return_url: this.#data.urls.return,
    };
    const key = keyOf(...this.#nameOf({ method, points }));
    return this.#api.post("/api/v1/payments/", body, { key, seconds: 40, tries: 4 });
  }

  /** Return the payment that is under way for this reservation, from whatever tab or device. */
  async #earlier(): Promise<Payment | undefined> {
    const params = { reservation_id: this.#data.reservation.id };
    const found = await this.#api.get("/api/v1/reservations/{reservation_id}/", { params });
    if (!found.payment) return undefined;
    return (await fetchItem(this.#api, "payment", found.payment.id)) as Payment;
  }

  async #abandon(paymentId: string): Promise<void> {
    const params = { payment_id: paymentId };
    await this.#api.post("/api/v1/payments/{payment_id}/abandon/", undefined as never, { params });
  }

  #nameOf({ method, points }: Wish): readonly string[] {
    return [this.#data.reservation.id, method, String(points)];
  }
}
