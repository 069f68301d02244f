/**
 * A service worker whose scope are pages that may be kept: those that were opened open without a
 * network too. It asks the site first, and has a copy where no answer comes.
 */

import type { Keep, KeptPages } from "./kept";
import { isAnswer } from "./status";

// What the types of pages lack.
interface Work extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Work {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Said extends Work {
  readonly data: Keep;
}
interface Worker {
  skipWaiting(): Promise<void>;
  addEventListener<E extends Event>(name: string, listener: (event: E) => void): void;
}

const worker = globalThis as unknown as Worker;

/** Serve pages of a kind; with a copy at hand the site has `patienceMs` to answer. */
export function keepPages(pages: KeptPages, patienceMs: number): void {
  const keeper = new Keeper(pages, patienceMs);
  worker.addEventListener("install", (event: Work) => event.waitUntil(worker.skipWaiting()));
  worker.addEventListener("activate", (event: Work) => event.waitUntil(pages.sweep()));
  worker.addEventListener("message", (event: Said) => event.waitUntil(keeper.keep(event.data)));
  worker.addEventListener("fetch", (event: Fetching) => {
    const { request } = event;
    const { origin, pathname } = new URL(request.url);
    if (request.method !== "GET" || origin !== location.origin) return;
    if (request.mode === "navigate") {
      if (pages.has(pathname)) event.respondWith(keeper.page(event, pathname));
    } else if (pathname.startsWith("/static/")) {
      event.respondWith(keeper.asset(request));
    }
  });
}

class Keeper {
  readonly #pages: KeptPages;
  readonly #patienceMs: number;

  constructor(pages: KeptPages, patienceMs: number) {
    this.#pages = pages;
    this.#patienceMs = patienceMs;
  }

  /** Return the page from the site; its copy where the site has no answer, or not in time. */
  async page(event: Fetching, path: string): Promise<Response> {
    const copy = await this.#pages.page(path);
    const asked = fetch(event.request).then(async (answer) => {
      if (answer.type === "opaqueredirect")
        await this.#pages.dropAll(); // to the login: this one has ended
      else if (isAnswer(answer.status)) await this.#pages.remember(path, answer.clone());
      return answer;
    });
    event.waitUntil(Promise.allSettled([asked, this.#pages.sweep()]));
    if (!copy) return asked;
    const answer = await this.#inTime(asked, copy);
    return isAnswer(answer.status) ? answer : copy;
  }

  /** Return a file from the site; its copy where the site has no answer, or not the file. */
  async asset(request: Request): Promise<Response> {
    const asked = fetch(request);
    const copy = await this.#pages.asset(request.url);
    if (!copy) return asked;
    const answer = await this.#inTime(asked, copy);
    return answer.ok ? answer : copy; // a page that is kept needs the files of its time
  }

  /** Keep a page that was opened before this worker was there, and what it needs to be shown. */
  async keep({ keep: path, assets }: Keep): Promise<void> {
    const pages = this.#pages;
    if (!pages.has(path)) return;
    if (!(await pages.page(path)))
      await pages.remember(path, await fetch(path, { redirect: "manual" }));
    if (!(await pages.page(path))) return;
    const cache = await pages.cacheOf(path);
    const own = assets.filter((address) => address.startsWith(`${location.origin}/static/`));
    for (const { url } of await cache.keys()) {
      if (new URL(url).pathname !== path && !own.includes(url)) await cache.delete(url);
    }
    for (const address of own) {
      if (!(await cache.match(address))) await cache.add(address);
    }
  }

  #inTime(asked: Promise<Response>, copy: Response): Promise<Response> {
    const late = new Promise<Response>((done) => setTimeout(done, this.#patienceMs, copy));
    return Promise.race([asked, late]).catch(() => copy);
  }
}
