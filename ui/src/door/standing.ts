/** How a gate stands: the network, the list's age, what is unsent, counters by gate, conflicts. */

import { number, timeOfDay } from "../core/format";
import { Problem, wordsOf } from "../core/problem";
import { text } from "../core/text";
import type { Conflict, Standing } from "./gate";
import { ANSWERS, REFUSALS, SAID } from "./words";

/** Return what is said of the network, and whether it is alarming. */
export function networkOf({ online, listAsOf, refusal, checksSignatures }: Standing): {
  readonly says: string;
  readonly alarms: boolean;
} {
  if (refusal) return { says: wordsOf(new Problem(refusal), REFUSALS), alarms: true };
  if (!checksSignatures) return { says: text(SAID.checks_no_signatures), alarms: true };
  if (online) return { says: text(SAID.online), alarms: false };
  return { says: text(listAsOf ? SAID.offline : SAID.no_list), alarms: true };
}

/** Show it on the page. */
export function showStanding(root: HTMLElement, standing: Standing): void {
  const network = root.querySelector<HTMLElement>("[data-fr-network]");
  const { says, alarms } = networkOf(standing);
  if (network) {
    network.textContent = says;
    network.dataset.alarms = alarms ? "yes" : "no";
  }
  const put = (name: string, words: string) => {
    const place = root.querySelector(`[data-fr-figure="${name}"]`);
    if (place) place.textContent = words;
  };
  put("here", number(standing.admittedHere));
  put("unsent", number(standing.unsent));
  put("tickets", number(standing.tickets));
  put("as_of", standing.listAsOf ? timeOfDay(Date.parse(standing.listAsOf)) : "–");
  const gates = [...standing.admittedByGate].sort(([one], [other]) => (one < other ? -1 : 1));
  list(
    root,
    "gates",
    gates.map(([gate, admitted]) => `${gate}: ${number(admitted)}`),
  );
  list(root, "conflicts", standing.conflicts.map(lineOf));
  const none = root.querySelector<HTMLElement>("[data-fr-no-conflicts]");
  if (none) none.hidden = standing.conflicts.length > 0;
}

function lineOf({ seat, here, there, gate, outcome }: Conflict): string {
  const word = outcome in ANSWERS ? text(ANSWERS[outcome as keyof typeof ANSWERS]) : outcome;
  const first = [there && timeOfDay(Date.parse(there)), gate].filter(Boolean).join(", ");
  return [seat, timeOfDay(Date.parse(here)), word, first].filter(Boolean).join(" · ");
}

function list(root: HTMLElement, name: string, lines: readonly string[]): void {
  const made = lines.map((words) => {
    const line = document.createElement("li");
    line.textContent = words;
    return line;
  });
  root.querySelector(`[data-fr-${name}]`)?.replaceChildren(...made);
}
