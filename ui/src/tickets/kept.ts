/** The tickets that a device keeps for the way to the hall: a cache each, until the day after. */

const PREFIX = "fr-ticket:";
/** The header of a ticket's page that says until when it may be kept; it has none otherwise. */
const UNTIL = "Ticket-Kept-Until";

/** What a ticket's page says to the service worker. */
export interface Keep {
  readonly keep: string;
  readonly assets: readonly string[];
}

/** Say whether a path is a ticket's page. */
export function isTicket(path: string): boolean {
  return /^\/(ko|en)\/me\/tickets\/[0-9a-f-]{36}\/$/.test(path);
}

/** Return the cache of the ticket's page at a path. */
export function cacheOf(path: string): Promise<Cache> {
  return caches.open(PREFIX + path);
}

/** Return the kept page at a path, if there is one whose time has not passed. */
export async function keptPage(path: string): Promise<Response | undefined> {
  if (!(await caches.has(PREFIX + path))) return undefined;
  const page = await (await cacheOf(path)).match(path);
  return page && mayBeKept(page) ? page : undefined;
}

/** Return a kept style sheet or script of a ticket's page, if there is one. */
export async function keptAsset(address: string): Promise<Response | undefined> {
  for (const name of await names()) {
    const found = await (await caches.open(name)).match(address);
    if (found) return found;
  }
  return undefined;
}

/** Keep the page as the site has just sent it, or drop what was kept of it. */
export async function remember(path: string, answer: Response): Promise<void> {
  if (answer.ok && mayBeKept(answer)) await (await cacheOf(path)).put(path, answer);
  else await caches.delete(PREFIX + path);
}

/** Delete the tickets whose time has passed. */
export async function sweep(): Promise<void> {
  for (const name of await names()) {
    if (!(await keptPage(name.slice(PREFIX.length)))) await caches.delete(name);
  }
}

/** Delete all kept tickets. */
export async function dropAll(): Promise<void> {
  for (const name of await names()) await caches.delete(name);
}

async function names(): Promise<string[]> {
  return (await caches.keys()).filter((name) => name.startsWith(PREFIX));
}

function mayBeKept(page: Response): boolean {
  return Date.parse(page.headers.get(UNTIL) ?? "") > Date.now();
}
