/** What a page hands to its script, and what every page has in common. */

import { Api } from "./api";
import { Login } from "./login";

export interface PageData {
  readonly language: string;
  readonly page: string;
  readonly csrf_cookie: string;
  readonly csrf_header: string;
  /** The cookie that is there while there is a login; it opens nothing. */
  readonly login_cookie: string;
  /** When the server made a private page. */
  readonly now?: string;
  readonly urls: {
    readonly token: string;
    readonly login: string;
    readonly me: string;
    /** The script of timers and proofs of work. */
    readonly worker?: string;
  };
}

/** Return the data of the page, `undefined` where it has none. */
export function pageData<D extends PageData>(root: ParentNode = document): D | undefined {
  const script = root.querySelector("script#fr-data");
  return script ? (JSON.parse(script.textContent ?? "") as D) : undefined;
}

/** Return a client of the API for a page. */
export function apiOf(data: PageData): Api {
  return new Api(new Login(data));
}

/** Call `look` whenever the page is looked at again, or the network is back. */
export function onReturn(look: () => void, signal?: AbortSignal): void {
  const options = signal ? { signal } : {};
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.visibilityState === "visible") look();
    },
    options,
  );
  document.addEventListener("resume", look, options);
  window.addEventListener("pageshow", (event) => event.persisted && look(), options);
  window.addEventListener("online", look, options);
}
