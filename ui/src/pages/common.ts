/** What every page's script does: the countdowns, and who is logged in. */

import { serverClock } from "../core/clock";
import { cookie } from "../core/login";
import { type PageData, pageData } from "../core/page";
import { defineCountdown } from "../countdown/countdown";
import { keptTickets } from "../tickets/kept";

/** Enhance what stands on the page. */
export function enhance(): void {
  const data = pageData<PageData>();
  if (data?.now) serverClock.observe(Date.parse(data.now)); // before a countdown asks for the time
  defineCountdown();
  if (data) showLogin(data);
  for (const waits of document.querySelectorAll<HTMLElement>("[data-fr-wait]")) countDown(waits);
  if ("caches" in window) tidyTickets();
}

/**
 * Kept tickets go after their time, wherever a fan is. At the log-out browsers delete them
 * (`Clear-Site-Data`); some know no such header.
 */
function tidyTickets(): void {
  void keptTickets.sweep().catch(() => undefined);
  for (const form of document.querySelectorAll("form[data-fr-logout]")) {
    form.addEventListener("submit", () => void keptTickets.dropAll().catch(() => undefined));
  }
}

/** Count the seconds down that a refusal names; the page's own header loads it again. */
function countDown(waits: HTMLElement): void {
  const words = waits.textContent ?? "";
  const endsAt = Date.now() + Number(words.match(/\d+/)?.[0] ?? 0) * 1000;
  const show = () => {
    const left = Math.max(0, Math.ceil((endsAt - Date.now()) / 1000));
    waits.textContent = words.replace(/\d+/, String(left));
    if (left > 0) setTimeout(show, 250);
  };
  show();
}

/**
 * Public pages are the same bytes for everybody; which links of the header fit is seen from the
 * cookie that comes with a login.
 */
function showLogin(data: PageData): void {
  const isIn = cookie(data.login_cookie) !== undefined;
  for (const element of document.querySelectorAll<HTMLElement>("[data-fr-logged-in]")) {
    element.hidden = !isIn;
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-fr-logged-out]")) {
    element.hidden = isIn;
  }
}
