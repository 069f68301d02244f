/** The page that a gateway sends people back to: confirms once, and shows what became of it. */

import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { apiOf } from "../core/page";
import { needsLogin, type Problem, problemOf, wordsOf } from "../core/problem";
import { read, write } from "../core/tab";
import { text } from "../core/text";
import type { ReturnData } from "./facts";
import { say, type Way } from "./panel";
import { keyOf } from "./session";
import { confirmItem, fetchItem, type Item, isInDoubt, isOffered, untilDecided } from "./settle";
import { failureWords, OF_KIND, REFUSALS, SAID } from "./words";

interface Came {
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
    this.#came = cameOf(data);
    // What the page says and asks of those without scripts is done by this one as it comes to be so.
    for (const said of document.querySelectorAll("main > .fr-notice")) said.remove();
    show("[data-fr-plain], #fr-abandon", false);
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#sayProcessing();
    try {
      await this.#show(await this.#settled());
    } catch (error) {
      this.#refuse(problemOf(error));
    }
  }

  /** Return the item once it is confirmed or given up, as the gateway has sent the browser back. */
  async #settled(): Promise<Item> {
    const { kind, id } = this.#data;
    const { payment_key: paymentKey, failure } = this.#came;
    if (failure) return this.#givenUp();
    if (!paymentKey) return fetchItem(this.#api, kind, id);
    try {
      return await confirmItem(this.#api, kind, id, paymentKey, keyOf("confirm", id));
    } catch (error) {
      const problem = problemOf(error);
      // Whatever became of the request, the item says what became of the money.
      if (isInDoubt(problem)) return untilDecided(this.#api, kind, id);
      throw problem;
    }
  }

  /** Free the reservation for another try, after the gateway's page said that there is no money. */
  async #givenUp(): Promise<Item> {
    const { kind, id } = this.#data;
    const found = await fetchItem(this.#api, kind, id);
    if (found.status !== "REQUIRES_ACTION" || kind === "charge") return found;
    const path = "/api/v1/payments/{payment_id}/abandon/";
    try {
      return await this.#api.post(path, undefined as never, { params: { payment_id: id } });
    } catch (error) {
      // Money may have moved after all; else the next attempt gives this one up.
      return problemOf(error).code === "payment_in_progress"
        ? untilDecided(this.#api, kind, id)
        : found;
    }
  }

  async #show(item: Item): Promise<void> {
    const { kind, urls } = this.#data;
    switch (item.status) {
      case "PAID":
        location.replace(urls.done);
        return;
      case "PROCESSING":
        if (isOffered(item)) {
          location.replace(addressOf(this.#data)); // which leads to the offer
          return;
        }
        this.#sayProcessing();
        await this.#show(await untilDecided(this.#api, kind, item.id));
        return;
      case "REQUIRES_ACTION":
        this.#sayUnpaid(item);
        return;
      default:
        this.#say(failureWords(kind, item.failure, this.#came.failure?.code));
    }
  }

  /** Nobody has asked for the money: the fan goes on, or gives it up. */
  #sayUnpaid(item: Item): void {
    const { payment_key: paymentKey, failure } = this.#came;
    show("#fr-abandon", true);
    if (failure) this.#say(failureWords(this.#data.kind, undefined, failure.code));
    else if (paymentKey && show("[data-fr-plain]", true)) this.#say(text(SAID.not_confirmed));
    else {
      const page = item.checkout_url;
      this.#say(text(SAID.not_paid), page ? [{ words: SAID.to_gateway, href: page }] : []);
    }
  }

  #sayProcessing(): void {
    say(text(OF_KIND[this.#data.kind].processing));
  }

  #refuse(problem: Problem): void {
    const login = { words: SAID.log_in, href: this.#data.urls.login };
    this.#say(wordsOf(problem, REFUSALS), needsLogin(problem) ? [login] : []);
  }

  #say(words: string, ways: readonly Way[] = []): void {
    const back = { words: OF_KIND[this.#data.kind].back, href: this.#data.urls.back };
    say(words, [...ways, back], true);
  }
}

/** Show or hide parts of the page; returns whether there are any. */
function show(selector: string, isShown: boolean): boolean {
  const found = document.querySelectorAll<HTMLElement>(selector);
  for (const element of found) element.hidden = !isShown;
  return found.length > 0;
}

/** The address of this page without what the gateway sent. */
function addressOf({ kind, id }: ReturnData): string {
  return `${location.pathname}?${kind}=${id}`;
}

/**
 * Return what the gateway sent, and take it out of the address: a payment key belongs neither into
 * the history nor under Back. A reload finds it in this tab's memory.
 */
function cameOf(data: ReturnData): Came {
  const name = `fr-return:${data.id}`;
  const { payment_key, failure } = data;
  history.replaceState(null, "", addressOf(data));
  if (payment_key || failure) write(name, JSON.stringify({ payment_key, failure }));
  const kept = read(name);
  return kept ? (JSON.parse(kept) as Came) : { payment_key, failure };
}
