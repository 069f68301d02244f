/** The page on which a performance is chosen: a device goes on where it was. */

import { keepThisPage } from "../core/keep_page";
import { doorData } from "./facts";
import { sweepDoor } from "./gate";
import { guardLogoutByNote } from "./leaving";
import { placeAt } from "./place";

/** Lead to the gate that was chosen on this device, unless another one is asked for. */
export function goOn(): void {
  const place = placeAt(Date.now());
  const isAsked = new URLSearchParams(location.search).has("choose");
  if (place && !isAsked) {
    location.replace(`${location.pathname}${place.performanceId}/`);
    return;
  }
  void sweepDoor().catch(() => undefined);
  void keepThisPage(doorData().urls.keeper).catch(() => undefined);
  guardLogoutByNote();
}
