/** What every page's script does: the countdowns, and who is logged in. */

import { cookie } from "../core/login";
import { type PageData, pageData } from "../core/page";
import { defineCountdown } from "../countdown/countdown";
import { dropAll, sweep } from "../tickets/kept";

/** Enhance what stands on the page. */
export function enhance(): void {
  defineCountdown();
  const data = pageData<PageData>();
  if (data) showLogin(data);
  if ("caches" in window) tidyTickets();
}

/**
 * Kept tickets go after their time, wherever a fan is. At the log-out browsers delete them
 * (`Clear-Site-Data`); some know no such header.
 */
function tidyTickets(): void {
  void sweep().catch(() => undefined);
  for (const form of document.querySelectorAll("form[data-fr-logout]")) {
    form.addEventListener("submit", () => void dropAll().catch(() => undefined));
  }
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
