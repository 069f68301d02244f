/** Finding a ticket by name or seat: by the server, which says who; without it by the list. */

import { fetchInTime, readAnswer } from "../core/api";
import { timeOfDay } from "../core/format";
import { cookie } from "../core/login";
import { problemOf, wordsOf } from "../core/problem";
import { isAnswer } from "../core/status";
import { language, type Text, text } from "../core/text";
import type { DoorData } from "./facts";
import type { Gate } from "./gate";
import { seatName } from "./offline/list";
import { SAID, SEARCH_REFUSALS, STATUSES } from "./words";

const SECONDS = 3;

/** A ticket that was found; with its code it can be let in by a press. */
interface Found {
  readonly seat: string;
  readonly who: string;
  readonly status: string;
  /** When and at which gate it was let in, as far as the server says so. */
  readonly at?: string | null;
  readonly gate?: string | null;
  readonly code?: string;
}
interface Answered {
  readonly results: readonly {
    readonly code: string;
    readonly seat: { readonly section: string; readonly row: string; readonly number: string };
    readonly holder_name: string;
    readonly status: string;
    readonly admitted_at: string | null;
    readonly gate: string | null;
  }[];
  readonly more: boolean;
}

export class Search {
  readonly #data: DoorData;
  readonly #gate: Gate;
  readonly #root: HTMLElement;
  readonly #admit: (code: string) => void;
  #turn = 0;

  constructor(root: HTMLElement, data: DoorData, gate: Gate, admit: (code: string) => void) {
    this.#data = data;
    this.#gate = gate;
    this.#root = root;
    this.#admit = admit;
    const form = root.querySelector<HTMLFormElement>("[data-fr-search-form]");
    form?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#find(String(new FormData(form).get("words") ?? "").trim());
    });
  }

  async #find(words: string): Promise<void> {
    if (words.length < 2) return;
    this.#turn += 1;
    const turn = this.#turn;
    try {
      const { results, more } = await this.#ask(words);
      if (turn !== this.#turn) return; // something else is looked for by now
      const found = results.map(({ code, seat, holder_name: who, status, admitted_at, gate }) => ({
        seat: seatName(seat),
        who,
        status,
        at: admitted_at,
        gate,
        ...(status === "VALID" ? { code } : {}),
      }));
      this.#show(found, more ? SAID.found_more : undefined);
    } catch (error) {
      if (turn !== this.#turn) return;
      const problem = problemOf(error);
      if (problem.status >= 400 && (isAnswer(problem.status) || problem.status === 429)) {
        this.#say(wordsOf(problem, SEARCH_REFUSALS));
        return;
      }
      const found = await this.#gate.find(words);
      if (turn !== this.#turn) return;
      this.#show(
        found.map(({ seat, initials, status }) => ({ seat, who: initials, status })),
        SAID.found_by_list,
      );
    }
  }

  async #ask(words: string): Promise<Answered> {
    const request: RequestInit = {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Accept-Language": language,
        "Content-Type": "application/json",
        "X-CSRFToken": cookie(this.#data.csrf_cookie) ?? "",
      },
      body: JSON.stringify({ words }),
    };
    const received = await fetchInTime(this.#data.urls.search, request, { seconds: SECONDS });
    return readAnswer(received) as Answered;
  }

  #show(found: readonly Found[], note?: Text): void {
    const list = this.#root.querySelector("[data-fr-found]");
    list?.replaceChildren(...found.map((one) => this.#line(one)));
    const none = found.length === 0 ? text(SAID.found_none) : "";
    this.#say([none, note ? text(note) : ""].filter(Boolean).join(" "));
  }

  #line({ seat, who, status, at, gate, code }: Found): HTMLElement {
    const line = document.createElement("li");
    const words = document.createElement("span");
    const state = STATUSES[status];
    const admitted = status === "USED" ? [at && timeOfDay(Date.parse(at)), gate] : [];
    const parts = [seat, who, state ? text(state) : status, ...admitted];
    words.textContent = parts.filter(Boolean).join(" · ");
    line.append(words);
    if (code) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "fr-button";
      button.textContent = `${text(SAID.admit)} ${seat}`;
      button.addEventListener("click", () => this.#admit(code));
      line.append(button);
    }
    return line;
  }

  #say(words: string): void {
    const says = this.#root.querySelector("[data-fr-search-says]");
    if (says) says.textContent = words;
  }
}
