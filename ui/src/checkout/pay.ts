/** The checkout's page: one timer, one payment at a time, and what became of it. */

import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { minutesAndSeconds } from "../core/format";
import { apiOf, onReturn } from "../core/page";
import { needsLogin, type Problem, problemOf, wordsOf } from "../core/problem";
import { text } from "../core/text";
import { Attempts, type Wish } from "./attempts";
import { askForMore } from "./dialog";
import type { CheckoutData, Payment, Reservation } from "./facts";
import { lock, say } from "./panel";
import { fetchItem, isOffered, untilDecided } from "./settle";
import { CheckoutTimer } from "./timer";
import { failureWords, OF_KIND, REFUSALS, returnedWords, SAID } from "./words";

const RESERVATION = "/api/v1/reservations/{reservation_id}/";

export class Checkout {
  readonly #data: CheckoutData;
  readonly #api: Api;
  readonly #attempts: Attempts;
  readonly #form = document.querySelector<HTMLFormElement>("#fr-pay");
  readonly #extendForm = document.querySelector<HTMLFormElement>("#fr-extend");
  readonly #timer: CheckoutTimer;
  #reservation: Reservation;
  /** A request of a payment is under way, or its end is waited for. */
  #isPaying = false;
  #isExtending = false;
  /** The browser is on its way to the gateway's page. */
  #hasLeft = false;

  constructor(data: CheckoutData) {
    this.#data = data;
    this.#api = apiOf(data);
    this.#attempts = new Attempts(this.#api, data);
    this.#reservation = data.reservation;
    serverClock.observe(Date.parse(data.now));
    this.#timer = new CheckoutTimer({
      nearlyOver: () => this.#offerTime(),
      over: () => this.#look(),
    });
    if (this.#form) this.#enhance(this.#form);
    else if (data.processing) void this.#follow();
  }

  #enhance(form: HTMLFormElement): void {
    this.#timer.set(Date.parse(this.#reservation.expires_at));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#isPaying) void this.#pay();
    });
    this.#extendForm?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#extend();
    });
    onReturn(() => (this.#hasLeft ? void this.#comeBack() : void this.#look()));
  }

  /** Wait for the end of a payment that the page shows as being confirmed; then it says the rest. */
  async #follow(): Promise<void> {
    const { payment } = this.#data.reservation;
    try {
      if (payment) await untilDecided(this.#api, "payment", payment.id);
      location.reload();
    } catch (error) {
      this.#refuse(problemOf(error));
    }
  }

  /** Back from the gateway's page this one is as it was left: it asks what is so now. */
  async #comeBack(): Promise<void> {
    this.#hasLeft = false;
    this.#unlock();
    say("");
    if (!(await this.#look())) return;
    const left = Date.parse(this.#reservation.expires_at) - serverClock.now();
    say(returnedWords(minutesAndSeconds(left)));
  }

  /**
   * Ask the server what the reservation has become, unless a payment does. Returns whether it can
   * still be paid here, as far as is known; else the page says what is so.
   */
  async #look(): Promise<boolean> {
    if (this.#isPaying) return false;
    try {
      const params = { reservation_id: this.#reservation.id };
      const found = await this.#api.get(RESERVATION, { params });
      const payment = found.payment
        ? ((await fetchItem(this.#api, "payment", found.payment.id)) as Payment)
        : undefined;
      return this.#isPaying ? false : this.#show(found, payment);
    } catch (error) {
      this.#refuse(problemOf(error));
      return true;
    }
  }

  #show(reservation: Reservation, payment?: Payment): boolean {
    const isOver = reservation.status === "CONFIRMED" || reservation.status === "CANCELLED";
    if (isOver || payment?.status === "PAID" || (payment && isOffered(payment))) {
      location.replace(location.pathname); // which leads to the tickets, the refund or the offer
      return false;
    }
    if (payment?.status === "PROCESSING") {
      this.#isPaying = true;
      lock(this.#form, true);
      void this.#finish(payment);
      return false;
    }
    if (reservation.status === "PENDING") {
      this.#count(reservation);
      return true;
    }
    this.#expire(payment);
    return false;
  }

  /** Count to the end of the hold, which the server alone declares. */
  #count(reservation: Reservation): void {
    this.#reservation = reservation;
    for (const clock of document.querySelectorAll("fr-countdown")) {
      clock.setAttribute("at", reservation.expires_at);
    }
    const endsAt = Date.parse(reservation.expires_at);
    this.#timer.set(Math.max(endsAt, serverClock.now() + 1000));
  }

  #expire(payment?: Payment): void {
    this.#timer.stop();
    for (const form of document.forms) lock(form, true);
    const nothing = payment ? "" : ` ${text(SAID.not_charged)}`;
    const words = payment?.failure?.message ?? `${text(SAID.over)}${nothing}`;
    const seats = this.#reservation.seats.map(({ id }) => id).join(",");
    const sections = new Set(this.#reservation.seats.map(({ section }) => section));
    const again = new URLSearchParams({ seats, sections: JSON.stringify([...sections]) });
    const href = `${this.#data.urls.seats}#${again}`;
    say(words, [{ words: SAID.again, href }], true);
  }

  #offerTime(): void {
    const last = Date.parse(this.#reservation.extendable_until);
    if (last - Date.parse(this.#reservation.expires_at) < 1000 || this.#isPaying) return;
    askForMore(() => void this.#extend());
  }

  async #extend(): Promise<void> {
    if (this.#isExtending) return;
    this.#isExtending = true;
    lock(this.#extendForm, true);
    const path = "/api/v1/reservations/{reservation_id}/extend/";
    try {
      const params = { reservation_id: this.#reservation.id };
      this.#count(await this.#api.post(path, undefined as never, { params }));
    } catch (error) {
      const problem = problemOf(error);
      if (await this.#look()) this.#refuse(problem);
    } finally {
      this.#isExtending = false;
      lock(this.#extendForm, false);
    }
  }

  async #pay(): Promise<void> {
    const fields = new FormData(this.#form ?? undefined);
    const method = fields.get("method") === "CARD" ? "CARD" : "POINTS";
    const typed = Number(fields.get("points_amount") || 0);
    const points = method === "POINTS" ? this.#reservation.amount.amount : typed;
    const wish: Wish = { method, points };
    this.#isPaying = true;
    lock(this.#form, true);
    say(text(SAID.paying));
    try {
      await this.#settle(await this.#attempts.begin(wish), wish);
    } catch (error) {
      await this.#afterRefusal(problemOf(error));
    }
  }

  /** Wait for the end of a payment that somebody else has begun. */
  async #finish(payment: Payment): Promise<void> {
    try {
      await this.#settle(payment);
    } catch (error) {
      await this.#afterRefusal(problemOf(error));
    }
  }

  /** The time may be over, and a request without an answer may have been carried out. */
  async #afterRefusal(problem: Problem): Promise<void> {
    this.#unlock();
    if (await this.#look()) this.#refuse(problem);
  }

  async #settle(payment: Payment, wish?: Wish): Promise<void> {
    switch (payment.status) {
      case "PAID":
        location.replace(this.#data.urls.done);
        return;
      case "REQUIRES_ACTION":
        if (!wish || !payment.checkout_url) {
          this.#unlock(); // nobody has pressed anything: the fan chooses
          say("");
          return;
        }
        this.#hasLeft = true;
        location.assign(pageOf(payment.checkout_url));
        return;
      case "PROCESSING":
        if (isOffered(payment)) {
          location.replace(location.pathname); // which leads to the offer
          return;
        }
        say(text(OF_KIND.payment.processing));
        await this.#settle((await untilDecided(this.#api, "payment", payment.id)) as Payment, wish);
        return;
      default:
        if (wish) this.#attempts.forget(wish);
        this.#unlock();
        if (await this.#look()) say(failureWords("payment", payment.failure), [], true);
    }
  }

  #refuse(problem: Problem): void {
    const login = { words: SAID.log_in, href: this.#data.urls.login };
    say(wordsOf(problem, REFUSALS), needsLogin(problem) ? [login] : [], true);
  }

  #unlock(): void {
    this.#isPaying = false;
    lock(this.#form, false);
  }
}

/** A gateway's page is a web page: no other scheme is gone to. */
function pageOf(address: string): string {
  const url = new URL(address, location.href);
  if (!["https:", "http:"].includes(url.protocol)) throw new TypeError("not a page");
  return url.href;
}
