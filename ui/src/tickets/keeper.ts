/**
 * The service worker of tickets, whose scope are the pages of tickets alone: those that were opened
 * open without a network too. It asks the site first, and has a copy where no answer comes.
 */

import {
  cacheOf,
  dropAll,
  isTicket,
  type Keep,
  keptAsset,
  keptPage,
  remember,
  sweep,
} from "./kept";

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

const PATIENCE_MS = 4000; // with a copy at hand
const worker = globalThis as unknown as Worker;

worker.addEventListener("install", (event: Work) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event: Work) => event.waitUntil(sweep()));
worker.addEventListener("message", (event: Said) => event.waitUntil(keep(event.data)));
worker.addEventListener("fetch", (event: Fetching) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (isTicket(pathname)) event.respondWith(page(event, pathname));
  } else if (pathname.startsWith("/static/")) {
    event.respondWith(asset(request));
  }
});

/** Return the page from the site; its copy where the site has no answer, or not in time. */
async function page(event: Fetching, path: string): Promise<Response> {
  const copy = await keptPage(path);
  const asked = fetch(event.request).then(async (answer) => {
    if (answer.type === "opaqueredirect")
      await dropAll(); // to the login: this one has ended
    else if (answer.status < 500) await remember(path, answer.clone());
    return answer;
  });
  event.waitUntil(Promise.allSettled([asked, sweep()]));
  if (!copy) return asked;
  const late = new Promise<Response>((done) => setTimeout(done, PATIENCE_MS, copy));
  const answer = await Promise.race([asked, late]).catch(() => copy);
  return answer.status < 500 ? answer : copy;
}

async function asset(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const copy = await keptAsset(request.url);
    if (copy) return copy;
    throw error;
  }
}

/** Keep a page that was opened before this worker was there, and what it needs to be shown. */
async function keep({ keep: path, assets }: Keep): Promise<void> {
  if (!isTicket(path)) return;
  if (!(await keptPage(path))) await remember(path, await fetch(path, { redirect: "manual" }));
  if (!(await keptPage(path))) return;
  const cache = await cacheOf(path);
  const own = assets.filter((address) => address.startsWith(`${location.origin}/static/`));
  for (const { url } of await cache.keys()) {
    if (new URL(url).pathname !== path && !own.includes(url)) await cache.delete(url);
  }
  for (const address of own) {
    if (!(await cache.match(address))) await cache.add(address);
  }
}
