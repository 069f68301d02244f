/** `<fr-seat-map>`: choosing seats by map, by best seats or by keys, around a list that needs no script. */

import { html, nothing, render } from "lit/html.js";
import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { timeOfDay } from "../core/format";
import { apiOf, onReturn, pageData } from "../core/page";
import { problemOf, wordsOf } from "../core/problem";
import { speak } from "../core/speak";
import { text } from "../core/text";
import { useWorker } from "../core/timers";
import { AvailabilityFeed } from "./availability";
import type { Reservation, SeatsData } from "./facts";
import { gridView, seatAfterKey, sectionBeforeKey } from "./grid";
import type { Hall } from "./hall";
import { wantedIn } from "./loader";
import { SeatsModel } from "./model";
import { Surface } from "./surface";
import {
  bestView,
  choiceView,
  holdView,
  legendView,
  noticeView,
  type SeatsActions,
  type Tab,
  tabsView,
} from "./view";
import { REFUSALS } from "./words";

export class SeatMap extends HTMLElement {
  #data!: SeatsData;
  #api!: Api;
  #model!: SeatsModel;
  #feed!: AvailabilityFeed;
  #surface: Surface | undefined;
  #box!: HTMLElement;
  readonly #view = document.createElement("div");
  #tab: Tab = matchMedia("(min-width: 48rem)").matches ? "map" : "best";
  #section = 0;
  #focus: number | undefined;
  #failed = "";
  #clock: ReturnType<typeof setInterval> | undefined;

  connectedCallback(): void {
    const data = pageData<SeatsData>(this);
    if (!data || this.#box) return;
    this.#data = data;
    if (data.urls.worker) useWorker(data.urls.worker);
    this.#api = apiOf(data);
    this.#model = new SeatsModel(
      this.#api,
      data,
      (seats) => this.#changed(seats),
      (sections) => this.#added(sections),
      () => this.#reloaded(),
    );
    this.#feed = new AvailabilityFeed(
      this.#api,
      data.performance.id,
      (found) => this.#model.take(found),
      () => this.#update(),
    );
    this.#view.className = "fr-map-view";
    this.#view.setAttribute("aria-hidden", "true"); // the grid says the same in words
    this.#box = document.createElement("div");
    this.#box.className = "fr-seats";
    this.replaceChildren(this.#box);
    this.#update();
    void this.#start();
    this.#clock = setInterval(() => {
      this.#model.forgetLapsed(serverClock.now());
      this.#update();
    }, 1000);
    // Back from the checkout: the page is as it was left, and the hold may have ended.
    onReturn(() => void this.#model.findHold());
  }

  disconnectedCallback(): void {
    clearInterval(this.#clock);
    this.#feed.stop();
    this.#surface?.close();
  }

  async #start(): Promise<void> {
    try {
      await this.#model.load();
      this.#failed = "";
    } catch (error) {
      this.#failed = wordsOf(problemOf(error), REFUSALS);
      this.#update();
      return;
    }
    this.#feed.start();
    await this.#model.findHold();
  }

  #reloaded(): void {
    const { hall } = this.#model;
    if (!hall) return;
    this.#surface?.close();
    this.#focus = undefined;
    this.#section = Math.min(this.#section, hall.sections.length - 1);
    this.#update();
    const model = this.#model;
    this.#surface = new Surface(
      this.#view,
      hall,
      { stateOf: (seat) => model.stateOf(seat), freeBySection: () => model.free },
      {
        press: (seat) => model.press(seat),
        look: (view, seatPx) => {
          const sections = wantedIn(hall, view, seatPx);
          if (sections.length > 0) void model.want(sections);
        },
      },
    );
  }

  #added(sections: readonly number[]): void {
    this.#surface?.add(sections);
    this.#mark();
    this.#update();
  }

  #changed(seats: readonly number[]): void {
    this.#surface?.change(seats);
    this.#mark();
    this.#update();
  }

  #mark(): void {
    const { notice, hints } = this.#model;
    const offered = notice?.kind === "loss" ? (notice.loss.offer ?? []) : [];
    this.#surface?.mark({ focus: this.#focus, hints: [...hints, ...offered] });
  }

  readonly #act: SeatsActions = {
    open: (tab) => {
      this.#tab = tab;
      if (tab === "list") void this.#model.want([this.#section]);
      this.#update();
    },
    best: (form) => void this.#best(new FormData(form)),
    hold: () => void this.#model.holdChoice().then((made) => this.#held(made)),
    drop: (seat) => this.#model.press(seat),
    clear: () => this.#model.clear(),
    accept: (offer) => {
      this.#model.accept(offer);
      this.#surface?.show(offer);
    },
    dismiss: () => {
      this.#model.notice = undefined;
      this.#model.hints = [];
      this.#changed([]);
    },
    pay: (id) => this.#pay(id),
    giveBack: () => void this.#model.giveBack(),
  };

  async #best(form: FormData): Promise<void> {
    const grade = String(form.get("grade") ?? "");
    const wish = {
      count: Number(form.get("count") ?? 1),
      accessible: form.has("accessible"),
      ...(grade ? { grade } : {}),
    };
    this.#held(await this.#model.holdBest(wish, form.has("together")));
  }

  #held(made: Reservation | undefined): void {
    const { notice } = this.#model;
    if (made) {
      speak(
        text({
          ko: "좌석을 선점했습니다. 결제 화면으로 이동합니다.",
          en: "Your seats are held. Going to the checkout.",
        }),
      );
      this.#pay(made.id);
    } else if (notice?.kind === "loss") this.#surface?.show(notice.loss.offer ?? notice.loss.gone);
    else if (this.#model.hints.length > 0) this.#surface?.show(this.#model.hints);
  }

  #pay(reservationId: string): void {
    location.assign(this.#data.urls.checkout.replace("{reservation}", reservationId));
  }

  #update(): void {
    const model = this.#model;
    const now = serverClock.now();
    const hidden = (tab: Tab) => this.#tab !== tab;
    render(
      html`
        ${holdView(model, now, this.#act)} ${noticeView(model, Date.now(), this.#act)}
        ${
          this.#failed
            ? html`<div class="fr-notice is-bad" role="alert"><p>${this.#failed}</p>
              <p><button type="button" class="fr-button" @click=${() => void this.#start()}>
                ${text({ ko: "다시 시도", en: "Try again" })}</button></p></div>`
            : nothing
        }
        ${tabsView(this.#tab, this.#act)}
        <div role="tabpanel" id="fr-panel-best" aria-labelledby="fr-tab-best" ?hidden=${hidden("best")}>
          ${bestView(model, this.#act)}
        </div>
        <div role="tabpanel" id="fr-panel-list" aria-labelledby="fr-tab-list" ?hidden=${hidden("list")}>
          ${this.#tab === "list" ? this.#gridView() : nothing}
        </div>
        ${/* The focus of the list is ringed on the map, so both are shown. */ nothing}
        <div role="tabpanel" id="fr-panel-map" aria-labelledby="fr-tab-map" ?hidden=${this.#tab === "best"}>
          ${this.#toolsView()} ${this.#view} ${legendView(model)}
        </div>
        ${choiceView(model, this.#act)}
      `,
      this.#box,
    );
  }

  #toolsView() {
    const button = (act: () => void, sign: string, words: string) =>
      html`<button type="button" class="fr-button is-quiet is-small" aria-label=${words} @click=${act}>${sign}</button>`;
    const mine = this.#model.mine.length > 0 ? this.#model.mine : this.#model.choice;
    return html`<div class="fr-map-tools">
      ${button(() => this.#surface?.zoomBy(1.6), "+", text({ ko: "확대", en: "Zoom in" }))}
      ${button(() => this.#surface?.zoomBy(1 / 1.6), "−", text({ ko: "축소", en: "Zoom out" }))}
      <button type="button" class="fr-button is-quiet is-small" @click=${() => this.#surface?.showAll()}>
        ${text({ ko: "전체 보기", en: "Whole hall" })}</button>
      ${
        mine.length > 0
          ? html`<button type="button" class="fr-button is-quiet is-small"
            @click=${() => this.#surface?.show(mine)}>${text({ ko: "내 좌석", en: "My seats" })}</button>`
          : nothing
      }
      ${this.#badgeView()}
    </div>`;
  }

  #badgeView() {
    const { receivedAt, isLive } = this.#feed;
    if (receivedAt === 0) return nothing;
    return html`<span class="fr-badge ${isLive ? "is-open" : "is-over"}" data-fr-live=${isLive ? "yes" : "no"}>
      ${
        isLive
          ? text({ ko: "실시간", en: "Live" })
          : text({ ko: `${timeOfDay(receivedAt)} 기준`, en: `As of ${timeOfDay(receivedAt)}` })
      }
    </span>`;
  }

  #gridView() {
    return gridView(this.#model, this.#section, this.#focus, {
      chooseSection: (section) => {
        this.#section = section;
        this.#focus = undefined;
        this.#surface?.showSection(section);
        void this.#model.want([section]);
        this.#update();
      },
      focus: (seat) => {
        this.#focus = seat;
        this.#mark();
      },
      key: (event, seat) => this.#key(event, seat),
      press: (seat) => this.#model.press(seat),
    });
  }

  #key(event: KeyboardEvent, seat: number): void {
    const { hall } = this.#model;
    if (!hall || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " || event.key === "Enter") this.#model.press(seat);
    else if (event.key === "Escape") this.#box.querySelector<HTMLElement>("#fr-section")?.focus();
    else if (seatAfterKey(hall, seat, event.key) === undefined) return;
    else void this.#follow(hall, seat, event.key);
    event.preventDefault();
  }

  /** Go where a key leads, once the seats there are loaded. */
  async #follow(hall: Hall, seat: number, key: string): Promise<void> {
    const missing = sectionBeforeKey(hall, seat, key);
    if (missing !== undefined && !(await this.#model.want([missing]))) return;
    const next = seatAfterKey(hall, seat, key);
    if (next !== undefined && hall === this.#model.hall) this.#goTo(next);
  }

  #goTo(seat: number): void {
    const { hall } = this.#model;
    const section = hall?.sectionOf[seat] ?? 0;
    if (section !== this.#section) speak(hall?.sections[section]?.name ?? "");
    this.#section = section;
    this.#focus = seat;
    this.#update();
    this.#box.querySelector<HTMLElement>(`[data-seat="${seat}"]`)?.focus();
  }
}

export function defineSeatMap(): void {
  if (!customElements.get("fr-seat-map")) customElements.define("fr-seat-map", SeatMap);
}
