/** The script of a ticket: it opens without a network, the screen stays on, it can be sent on. */

import { keepThisPage } from "../core/keep_page";
import { type PageData, pageData } from "../core/page";
import { ScreenLock } from "../core/wake";
import { enhance } from "./common";

const PDF = "application/pdf";
const FILE_NAME = "ticket.pdf";

interface TicketData extends PageData {
  readonly urls: PageData["urls"] & { readonly keeper: string };
}

enhance();
const data = pageData<TicketData>();
if (data && "serviceWorker" in navigator)
  void keepThisPage(data.urls.keeper).catch(() => undefined);

/** Say that this is the copy of a device that has no network. */
function showNetwork(): void {
  for (const note of document.querySelectorAll<HTMLElement>("[data-fr-offline]")) {
    note.hidden = navigator.onLine;
  }
}

showNetwork();
window.addEventListener("online", showNetwork);
window.addEventListener("offline", showNetwork);

const lock = new ScreenLock();
for (const button of document.querySelectorAll<HTMLElement>("[data-fr-wake]")) {
  button.hidden = !ScreenLock.isPossible;
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(!lock.isWanted));
    void lock.set(!lock.isWanted);
  });
}
for (const button of document.querySelectorAll<HTMLElement>("[data-fr-share]")) {
  const { frShare: address = "" } = button.dataset;
  let kept: File | undefined;
  button.hidden = !canSend(new File([], FILE_NAME, { type: PDF }));
  button.addEventListener("click", async () => {
    try {
      // Once fetched it goes at the next press, where a slow network has used this one up.
      kept ??= await fileAt(address);
      await navigator.share({ files: [kept] });
    } catch {
      // Closing the sheet is no failure, and the PDF has a link of its own.
    }
  });
}

/** Whether the device can hand on a file: the page itself is the fan's alone. */
function canSend(file: File): boolean {
  return "canShare" in navigator && navigator.canShare({ files: [file] });
}

async function fileAt(address: string): Promise<File> {
  const response = await fetch(address);
  if (!response.ok) throw new TypeError(`the ticket was not given: ${response.status}`);
  return new File([await response.blob()], FILE_NAME, { type: PDF });
}
