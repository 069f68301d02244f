/** `<fr-queue>`: the waiting room's page, around HTML that works without it. */

import { render } from "lit/html.js";
import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { number } from "../core/format";
import { apiOf, pageData } from "../core/page";
import { problemOf } from "../core/problem";
import { speak } from "../core/speak";
import { text } from "../core/text";
import { after, useWorker } from "../core/timers";
import { ScreenLock } from "../core/wake";
import { Alerts } from "./alerts";
import { challengeOf, meet } from "./challenge";
import { DrawPanel } from "./drawpanel";
import type { Performance, QueueData } from "./facts";
import { aheadNow, progress, type Sample, withSample } from "./progress";
import { type Screen, screenOf } from "./screen";
import { QueueSession } from "./session";
import { queueView, type View } from "./view";
import { SCREENS } from "./words";

const PERFORMANCE = "/api/v1/performances/{performance_id}/";
const ENTER_AFTER_MS = 10_000;
const SEATS_EVERY_MS = 60_000;

export class Queue extends HTMLElement {
  #data!: QueueData;
  #api!: Api;
  #session!: QueueSession;
  #draw!: DrawPanel;
  #box!: HTMLElement;
  readonly #alerts = new Alerts();
  readonly #wake = new ScreenLock();
  #samples: readonly Sample[] = [];
  #bar = 0;
  #screen: Screen | undefined;
  #seats: Performance | undefined;
  #entersAt: number | undefined;
  #entersAlone = true;
  #work: number | undefined;
  /** The challenge that is being met, or that could not be. */
  #solving = "";
  #isStuck = false;

  connectedCallback(): void {
    const data = pageData<QueueData>(this);
    if (!data || this.#box) return;
    this.#data = data;
    if (data.urls.worker) useWorker(data.urls.worker);
    this.#api = apiOf(data);
    const changed = () => this.#update();
    this.#session = new QueueSession(this.#api, data.performance.id, changed);
    this.#draw = new DrawPanel(this.#api, data.performance.id, changed);
    this.#seats = data.performance;
    this.#box = document.createElement("div");
    this.#box.className = "fr-queue-box";
    this.replaceChildren(this.#box);
    this.#update();
    void this.#draw.load(); // its commitment is noted however long joining takes
    void this.#session.start();
    this.#tick();
    void this.#lookAtSeats();
  }

  disconnectedCallback(): void {
    this.#session.stop();
  }

  /** Once a second: what is shown of the time that passes. */
  #tick(): void {
    if (!this.isConnected) return;
    this.#update();
    after(1000, () => this.#tick());
  }

  /** What is left by grade, so that nobody waits for nothing; asked while somebody looks. */
  async #lookAtSeats(): Promise<void> {
    if (!this.isConnected) return;
    const params = { performance_id: this.#data.performance.id };
    try {
      if (
        document.visibilityState === "visible" &&
        this.#session.facts.status?.state !== "PRESALE"
      ) {
        this.#seats = await this.#api.get(PERFORMANCE, { params, anonymous: true, tries: 1 });
      }
    } catch (error) {
      problemOf(error); // what was known is shown on
    }
    after(SEATS_EVERY_MS * (0.8 + Math.random() * 0.4), () => void this.#lookAtSeats());
  }

  #update(): void {
    if (!this.#box) return;
    const { facts } = this.#session;
    const now = serverClock.now();
    if (facts.place?.state === "WAITING") {
      const ahead = aheadNow(facts.place, facts.status);
      const at = facts.status ? Date.parse(facts.status.as_of) : facts.place.seenAt;
      if (facts.status?.state === "PAUSED") this.#samples = [];
      else this.#samples = withSample(this.#samples, { at, ahead });
      this.#bar = progress(ahead, facts.aheadAtFirst, this.#bar);
    }
    const screen = screenOf(facts, now, this.#seats?.seats_available === 0);
    if (screen !== this.#screen) this.#enterScreen(screen);
    if (facts.place) this.#draw.loadOnce();
    this.#titleOf(screen);
    if (this.#entersAt !== undefined && this.#entersAlone && now >= this.#entersAt) this.#enter();
    render(queueView(this.#view(screen, now)), this.#box);
    this.dataset.screen = screen;
    if (screen === "challenge") void this.#meetChallenge();
  }

  #view(screen: Screen, now: number): View {
    const { facts, userId } = this.#session;
    return {
      screen,
      facts,
      now,
      data: this.#data,
      seats: this.#seats,
      samples: this.#samples,
      bar: this.#bar,
      entersInMs: this.#entersAt === undefined ? undefined : this.#entersAt - now,
      entersAlone: this.#entersAlone,
      alertsOn: this.#alerts.isOn,
      wakeOn: this.#wake.isWanted,
      canWake: ScreenLock.isPossible,
      work: this.#work,
      isStuck: this.#isStuck,
      draw: facts.place ? this.#draw.render(userId, facts.place.number) : undefined,
      act: {
        join: (invitation) => this.#join(invitation),
        leave: () => void this.#session.leave(),
        look: () => this.#session.look(),
        checkAgain: () => location.reload(), // the script that failed is loaded by the page alone
        enter: () => this.#enter(),
        setEntersAlone: (is) => this.#set(() => (this.#entersAlone = is)),
        setAlerts: (is) => void this.#setAlerts(is),
        setWake: (is) => void this.#wake.set(is).then(() => this.#update()),
      },
    };
  }

  #set(change: () => void): void {
    change();
    this.#update();
  }

  #join(invitation?: string): void {
    if (this.#session.facts.place?.state !== "WAITING") {
      this.#bar = 0; // another place; an invitation brings one who waits ahead of the line
      this.#samples = [];
    }
    void this.#session.join(invitation ? { invitation_code: invitation } : {});
  }

  async #setAlerts(isOn: boolean): Promise<void> {
    if (isOn) await this.#alerts.switchOn();
    else this.#alerts.switchOff();
    this.#update();
  }

  #enterScreen(screen: Screen): void {
    const before = this.#screen;
    this.#screen = screen;
    if (before !== undefined || screen !== "joining") speak(text(SCREENS[screen].title));
    this.#entersAt = undefined;
    if (screen === "admitted") {
      this.#entersAt = serverClock.now() + ENTER_AFTER_MS;
      this.#alerts.turn();
      this.#icon(true);
    } else if (before === "admitted") this.#icon(false);
  }

  #titleOf(screen: Screen): void {
    if (screen === "admitted") return;
    const { place, status } = this.#session.facts;
    const isWaiting =
      place?.state === "WAITING" && ["waiting", "near", "draining"].includes(screen);
    this.#alerts.calm(isWaiting && place ? number(aheadNow(place, status)) : "");
  }

  /** The icon of the tab gets a dot while it is the fan's turn. */
  #icon(isTurn: boolean): void {
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (!icon) return;
    icon.dataset.own ??= icon.href;
    const dot =
      "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='8' fill='%23d55e00'/%3E%3C/svg%3E";
    icon.href = isTurn ? `data:image/svg+xml,${dot}` : icon.dataset.own;
  }

  /** Called at each update: a second challenge, which may be the same one, is met like the first. */
  async #meetChallenge(): Promise<void> {
    const challenge = challengeOf(this.#session.facts.problem);
    const name = JSON.stringify(challenge ?? "");
    if (!challenge || this.#solving === name) return;
    this.#solving = name;
    this.#isStuck = false;
    const show = (share: number | undefined) => this.#set(() => (this.#work = share));
    show(0);
    try {
      const box = this.#box.querySelector<HTMLElement>(".fr-widget") ?? this.#box;
      const response = await meet(challenge, box, show);
      show(undefined);
      await this.#session.join({ challenge_response: response });
      if (this.#solving === name) this.#solving = "";
    } catch {
      if (this.#solving !== name) return; // another one is being met
      this.#isStuck = true;
      show(undefined);
    }
  }

  #enter(): void {
    this.#entersAt = undefined;
    this.#entersAlone = false;
    location.assign(this.#data.urls.seats);
  }
}

export function defineQueue(): void {
  if (!customElements.get("fr-queue")) customElements.define("fr-queue", Queue);
}
