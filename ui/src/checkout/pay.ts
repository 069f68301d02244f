/** The checkout's page: one timer, one payment at a time, and what became of it. */

import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { apiOf, onReturn } from "../core/page";
import { type Problem, problemOf, wordsOf } from "../core/problem";
import { type Text, text } from "../core/text";
import { askForMore } from "./dialog";
import type { CheckoutData, Payment, Reservation } from "./facts";
import { lock, say } from "./panel";
import { dropKey, keyOf } from "./session";
import { untilDecided } from "./settle";
import { CheckoutTimer } from "./timer";
import { DECLINES, REFUSALS, SAID } from "./words";

const RESERVATION = "/api/v1/reservations/{reservation_id}/";
type Method = "POINTS" | "CARD";

export class Checkout {
  readonly #data: CheckoutData;
  readonly #api: Api;
  readonly #form = document.querySelector<HTMLFormElement>("#fr-pay");
  readonly #timer: CheckoutTimer;
  #reservation: Reservation;
  #isPaying = false;

  constructor(data: CheckoutData) {
    this.#data = data;
    this.#api = apiOf(data);
    this.#reservation = data.reservation;
    serverClock.observe(Date.parse(data.now));
    this.#timer = new CheckoutTimer({
      nearlyOver: () => this.#offerTime(),
      over: () => void this.#look(),
    });
    this.#timer.set(Date.parse(data.reservation.expires_at));
    this.#form?.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#isPaying) void this.#pay();
    });
    const extend = document.querySelector<HTMLFormElement>("#fr-extend");
    extend?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#extend();
    });
    // Back from the gateway's page shows this one as it was left: it asks what is so now.
    onReturn(() => {
      this.#isPaying = false;
      lock(this.#form, false);
      void this.#look();
    });
  }

  get #id(): string {
    return this.#reservation.id;
  }

  /** Ask the server what the reservation has become. */
  async #look(): Promise<void> {
    try {
      const params = { reservation_id: this.#id };
      this.#show(await this.#api.get(RESERVATION, { params }));
    } catch (error) {
      this.#refuse(problemOf(error));
    }
  }

  #show(reservation: Reservation): void {
    this.#reservation = reservation;
    const endsAt = Date.parse(reservation.expires_at);
    if (reservation.status === "CONFIRMED") location.replace(this.#data.urls.done);
    else if (reservation.status !== "PENDING" || endsAt <= serverClock.now()) this.#expire();
    else {
      for (const clock of document.querySelectorAll("fr-countdown")) {
        clock.setAttribute("at", reservation.expires_at);
      }
      this.#timer.set(endsAt);
    }
  }

  #expire(): void {
    this.#timer.stop();
    lock(this.#form, true);
    const seats = this.#reservation.seats.map(({ id }) => id).join(",");
    const sections = new Set(this.#reservation.seats.map(({ section }) => section));
    const again = new URLSearchParams({ seats, sections: JSON.stringify([...sections]) });
    const href = `${this.#data.urls.seats}#${again}`;
    say(text(SAID.expired), [{ words: SAID.again, href }], true);
  }

  #offerTime(): void {
    const last = Date.parse(this.#reservation.extendable_until);
    if (last - Date.parse(this.#reservation.expires_at) < 1000 || this.#isPaying) return;
    askForMore(() => void this.#extend());
  }

  async #extend(): Promise<void> {
    const path = "/api/v1/reservations/{reservation_id}/extend/";
    try {
      const params = { reservation_id: this.#id };
      this.#show(await this.#api.post(path, undefined as never, { params }));
    } catch (error) {
      this.#refuse(problemOf(error));
    }
  }

  async #pay(): Promise<void> {
    const fields = new FormData(this.#form ?? undefined);
    const method: Method = fields.get("method") === "CARD" ? "CARD" : "POINTS";
    const typed = Number(fields.get("points_amount") || 0);
    const points = method === "POINTS" ? this.#reservation.amount.amount : typed;
    this.#isPaying = true;
    lock(this.#form, true);
    say(text(SAID.paying));
    try {
      await this.#settle(await this.#begin(method, points), method, points);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === "reservation_expired") await this.#look();
      else this.#refuse(problem);
    }
  }

  async #begin(method: Method, points: number): Promise<Payment> {
    const attempt = [this.#id, method, String(points)];
    const body = {
      reservation_id: this.#id,
      method,
      points_amount: points,
      return_url: this.#data.urls.return,
    };
    const send = () =>
      this.#api.post("/api/v1/payments/", body, { key: keyOf(...attempt), seconds: 40, tries: 4 });
    try {
      return await send();
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code !== "payment_in_progress") throw problem;
      const earlier = await this.#earlier();
      if (earlier && earlier.status !== "REQUIRES_ACTION") return earlier;
      if (earlier) await this.#abandon(earlier.id);
      dropKey(...attempt);
      return send();
    }
  }

  /** Return the payment that is under way for this reservation, from whatever tab or device. */
  async #earlier(): Promise<Payment | undefined> {
    const found = await this.#api.get(RESERVATION, { params: { reservation_id: this.#id } });
    if (!found.payment) return undefined;
    const params = { payment_id: found.payment.id };
    return this.#api.get("/api/v1/payments/{payment_id}/", { params });
  }

  async #abandon(paymentId: string): Promise<void> {
    const params = { payment_id: paymentId };
    await this.#api.post("/api/v1/payments/{payment_id}/abandon/", undefined as never, { params });
  }

  async #settle(payment: Payment, method: Method, points: number): Promise<void> {
    switch (payment.status) {
      case "PAID":
        location.replace(this.#data.urls.done);
        return;
      case "REQUIRES_ACTION":
        if (payment.checkout_url) location.assign(pageOf(payment.checkout_url));
        return;
      case "PROCESSING":
        say(text(SAID.processing));
        await this.#settle(
          (await untilDecided(this.#api, "payment", payment.id)) as Payment,
          method,
          points,
        );
        return;
      default:
        dropKey(this.#id, method, String(points));
        this.#unlock();
        say(`${declineWords(payment.failure?.code)} ${text(SAID.not_charged)}`, [], true);
    }
  }

  #refuse(problem: Problem): void {
    this.#unlock();
    const login: { words: Text; href: string }[] =
      problem.status === 401
        ? [{ words: { ko: "로그인", en: "Log in" }, href: this.#data.urls.login }]
        : [];
    say(wordsOf(problem, REFUSALS), login, true);
  }

  #unlock(): void {
    this.#isPaying = false;
    lock(this.#form, false);
  }
}

/** Return the words for why a gateway took no money. */
export function declineWords(code: string | undefined): string {
  return text(DECLINES[code ?? ""] ?? (DECLINES.declined as Text));
}

/** A gateway's page is a web page: no other scheme is gone to. */
function pageOf(address: string): string {
  const url = new URL(address, location.href);
  if (!["https:", "http:"].includes(url.protocol)) throw new TypeError("not a page");
  return url.href;
}
