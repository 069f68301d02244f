/** The page that a gateway sends people back to: confirms once, and shows what became of it. */

import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { apiOf } from "../core/page";
import { problemOf, wordsOf } from "../core/problem";
import { read, write } from "../core/tab";
import { text } from "../core/text";
import type { ReturnData } from "./facts";
import { lock, say } from "./panel";
import { declineWords } from "./pay";
import { keyOf } from "./session";
import { confirmItem, fetchItem, type Item, untilDecided } from "./settle";
import { REFUSALS, SAID } from "./words";

interface Came {
  readonly id: string | null;
  readonly payment_key: string | null;
  readonly failure: { readonly code: string } | null;
}

export class PaymentReturn {
  readonly #data: ReturnData;
  readonly #api: Api;
  readonly #came: Came;

  constructor(data: ReturnData) {
    this.#data = data;
    this.#api = apiOf(data);
    serverClock.observe(Date.parse(data.now));
    this.#came = rememberedOf(data);
    lock(document.querySelector<HTMLFormElement>("#fr-confirm"), true);
    // What the page says for those without scripts is said by this one as it comes to be so.
    for (const said of document.querySelectorAll("main > .fr-notice, #fr-abandon")) said.remove();
    void this.#run();
  }

  async #run(): Promise<void> {
    const { id } = this.#came;
    if (!id) {
      this.#say(text(SAID.not_charged));
      return;
    }
    say(text(SAID.processing));
    try {
      await this.#show(await this.#settled(id));
    } catch (error) {
      this.#say(wordsOf(problemOf(error), REFUSALS));
    }
  }

  async #settled(id: string): Promise<Item> {
    const { kind } = this.#data;
    const { payment_key: paymentKey, failure } = this.#came;
    if (failure || !paymentKey) {
      const found = await fetchItem(this.#api, kind, id);
      if (found.status === "REQUIRES_ACTION" && kind === "payment") await this.#abandon(id);
      return found;
    }
    try {
      return await confirmItem(this.#api, kind, id, paymentKey, keyOf("confirm", id));
    } catch (error) {
      const problem = problemOf(error);
      // Whatever became of the request, the item says what became of the money.
      if (problem.isPassing) return untilDecided(this.#api, kind, id);
      throw problem;
    }
  }

  async #show(item: Item): Promise<void> {
    switch (item.status) {
      case "PAID":
        location.replace(this.#data.urls.done);
        return;
      case "PROCESSING":
        say(text(SAID.processing));
        await this.#show(await untilDecided(this.#api, this.#data.kind, item.id));
        return;
      default: {
        const code = this.#came.failure?.code ?? item.failure?.code;
        this.#say(`${declineWords(code)} ${text(SAID.not_charged)}`);
      }
    }
  }

  /** Free the reservation for another try. */
  async #abandon(id: string): Promise<void> {
    const path = "/api/v1/payments/{payment_id}/abandon/";
    try {
      await this.#api.post(path, undefined as never, { params: { payment_id: id } });
    } catch (error) {
      problemOf(error); // the next attempt does the same
    }
  }

  #say(words: string): void {
    say(words, [{ words: SAID.back, href: this.#data.urls.back }], true);
  }
}

/**
 * Return what the gateway sent, and take it out of the address: a payment key belongs neither into
 * the history nor under Back. A reload finds it in this tab's memory.
 */
function rememberedOf(data: ReturnData): Came {
  const name = `fr-return:${location.pathname}`;
  const { id, payment_key, failure } = data;
  if (id) write(name, JSON.stringify({ id, payment_key, failure }));
  history.replaceState(null, "", location.pathname);
  const kept = id ? undefined : read(name);
  return kept ? (JSON.parse(kept) as Came) : { id, payment_key, failure };
}
