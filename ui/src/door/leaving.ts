/** Logging out of a device at the door: not with scans that the server has not heard of. */

import { type Gate, leaveDoor } from "./gate";

/** Let a log-out delete what the device keeps; where scans are unsent, `refuse` says so instead. */
export function guardLogout(refuse: () => void, gate?: Gate): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-fr-staff-logout]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (gate && !gate.mayLeave()) {
        refuse();
        return;
      }
      gate?.close();
      void leaveDoor()
        .catch(() => true) // a browser that keeps nothing has nothing unsent
        .then((left) => (left ? form.submit() : refuse()));
    });
  }
}
