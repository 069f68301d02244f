/**
 * Pages that a device keeps, to be opened without a network: a cache each, until their time.
 *
 * The site says of each page whether, and until when, by a header; it has none otherwise.
 */

/** What a page says to its service worker. */
export interface Keep {
  readonly keep: string;
  readonly assets: readonly string[];
}

export interface KeptKind {
  /** What the names of the caches begin with. */
  readonly prefix: string;
  /** The header that says until when a page may be kept. */
  readonly until: string;
  /** The paths of such pages. */
  readonly paths: RegExp;
}

export class KeptPages {
  readonly #kind: KeptKind;

  constructor(kind: KeptKind) {
    this.#kind = kind;
  }

  /** Say whether a path is such a page's. */
  has(path: string): boolean {
    return this.#kind.paths.test(path);
  }

  /** Return the cache of the page at a path. */
  cacheOf(path: string): Promise<Cache> {
    return caches.open(this.#kind.prefix + path);
  }

  /** Return the kept page at a path, if there is one whose time has not passed. */
  async page(path: string): Promise<Response | undefined> {
    if (!(await caches.has(this.#kind.prefix + path))) return undefined;
    const page = await (await this.cacheOf(path)).match(path);
    return page && this.#mayBeKept(page) ? page : undefined;
  }

  /** Return a kept style sheet or script of such a page, if there is one. */
  async asset(address: string): Promise<Response | undefined> {
    for (const name of await this.#names()) {
      const found = await (await caches.open(name)).match(address);
      if (found) return found;
    }
    return undefined;
  }

  /** Keep the page as the site has just sent it, or drop what was kept of it. */
  async remember(path: string, answer: Response): Promise<void> {
    if (answer.ok && this.#mayBeKept(answer)) await (await this.cacheOf(path)).put(path, answer);
    else await caches.delete(this.#kind.prefix + path);
  }

  /** Delete the pages whose time has passed. */
  async sweep(): Promise<void> {
    const { prefix } = this.#kind;
    for (const name of await this.#names()) {
      if (!(await this.page(name.slice(prefix.length)))) await caches.delete(name);
    }
  }

  /** Delete all of them. */
  async dropAll(): Promise<void> {
    for (const name of await this.#names()) await caches.delete(name);
  }

  async #names(): Promise<string[]> {
    return (await caches.keys()).filter((name) => name.startsWith(this.#kind.prefix));
  }

  #mayBeKept(page: Response): boolean {
    return Date.parse(page.headers.get(this.#kind.until) ?? "") > Date.now();
  }
}
