/** Letting a service worker keep the page that is open. */

import type { Keep } from "./kept";
import { trusted } from "./trusted";

/**
 * Let the worker at `keeper` keep this page with its style sheets and scripts, and `more` files of
 * ours by their addresses. The worker's scope are the pages beside its own address.
 */
export async function keepThisPage(keeper: string, more: readonly string[] = []): Promise<void> {
  await navigator.serviceWorker.register(trusted(keeper));
  const { active } = await navigator.serviceWorker.ready;
  const needed = document.querySelectorAll<HTMLLinkElement | HTMLScriptElement>(
    "link[rel=stylesheet], script[src]",
  );
  const linked = [...needed].map((one) => ("href" in one ? one.href : one.src));
  const assets = [...linked, ...more.map((address) => new URL(address, location.href).href)];
  active?.postMessage({ keep: location.pathname, assets } satisfies Keep);
}
