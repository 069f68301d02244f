/** `<fr-board>`: asks for the figures every two seconds and shows them, their charts and the map. */

import { money, number, timeOfDay } from "../core/format";
import { speak } from "../core/speak";
import { text } from "../core/text";
import { Charts } from "./charts";
import type { BoardData, Figures } from "./facts";
import { SeatPicture } from "./map";

const EVERY = 2000; // milliseconds
const LATE = 6000; // figures older than that are said to be old

class Board extends HTMLElement {
  private charts: Charts | undefined;
  private picture: SeatPicture | undefined;
  private alerts = "";
  private asOf = 0;

  connectedCallback(): void {
    const data = JSON.parse(document.querySelector("#fr-data")?.textContent ?? "{}") as BoardData;
    this.charts = new Charts(this, data.figures.money.sold.currency);
    this.show(data.figures);
    void this.run(data);
    if (data.is_public) void this.showMap(data);
  }

  private async run(data: BoardData): Promise<void> {
    while (this.isConnected) {
      await pause();
      if (document.visibilityState === "hidden") continue;
      try {
        const answer = await fetch(data.urls.figures, { redirect: "manual" });
        if (answer.type === "opaqueredirect") return this.say(LOGGED_OUT);
        if (!answer.ok) throw new Error(String(answer.status));
        this.show((await answer.json()) as Figures);
        if (this.picture) await this.picture.refresh(data.urls.availability);
      } catch {
        if (Date.now() - this.asOf > LATE) this.say(STALE);
      }
    }
  }

  private async showMap(data: BoardData): Promise<void> {
    const canvas = this.querySelector<HTMLCanvasElement>("[data-fr-map]");
    if (!canvas) return;
    const picture = new SeatPicture(canvas);
    try {
      if (!(await picture.load(data.urls.seatmap))) return;
      await picture.refresh(data.urls.availability);
    } catch {
      return; // the figures say the same
    }
    this.picture = picture;
    const note = this.querySelector<HTMLElement>("[data-fr-no-map]");
    if (note) note.hidden = true;
  }

  private show(figures: Figures): void {
    this.asOf = Date.now();
    const { queue, seats, payments, events } = figures;
    this.put("waiting", queue ? number(queue.waiting) : "–");
    this.put("admitted", queue ? number(queue.admitted) : "–");
    this.put("rate", queue ? `${number(round(queue.pace))} / ${number(queue.rate)}` : "–");
    this.put("active", queue ? `${number(queue.active)} / ${number(queue.capacity)}` : "–");
    this.put("available", number(seats.available));
    this.put("held", number(seats.temporarily_reserved));
    this.put("sold", number(seats.reserved));
    this.put("blocked", number(seats.blocked));
    this.put("revenue", money(figures.money.sold));
    this.put("refunds", money(figures.money.refunds));
    this.put("payments", `${number(payments.failed)} / ${number(payments.paid)}`);
    this.put("undecided", number(payments.undecided));
    const age = Math.round(events.age_seconds);
    this.put("outbox", text({ ko: `${number(age)}초`, en: `${number(age)} s` }));
    const { failures } = figures;
    this.put("failures", failures ? `${number(failures.defects)} / ${number(failures.all)}` : "–");
    this.put("set_aside", number(events.set_aside));
    this.showAge(figures.as_of);
    this.showAlerts(figures);
    this.charts?.add(figures);
    this.dataset.frLive = "yes";
  }

  private put(name: string, words: string): void {
    const place = this.querySelector(`[data-fr-figure="${name}"]`);
    if (place && place.textContent !== words) place.textContent = words;
  }

  private showAge(at: string): void {
    const age = this.querySelector("[data-fr-age]");
    const time = timeOfDay(Date.parse(at));
    if (age) age.textContent = text({ ko: `기준 시각 ${time}`, en: `As of ${time}` });
    const late = this.querySelector<HTMLElement>("[data-fr-late]");
    if (late) late.hidden = true;
  }

  /** Show what needs attention; what is new among it is read out. */
  private showAlerts({ alerts }: Figures): void {
    const said = alerts.map((one) => one.says).join(" ");
    const place = this.querySelector("[data-fr-alerts]");
    if (!place || said === this.alerts) return;
    this.alerts = said;
    const list = document.createElement(alerts.length ? "ul" : "p");
    if (alerts.length) list.className = "fr-alerts";
    else list.textContent = text({ ko: "없습니다.", en: "Nothing." });
    for (const { code, says, url } of alerts) {
      const line = document.createElement("li");
      line.dataset.code = code;
      line.append(url ? link(url, says) : says);
      list.append(line);
    }
    place.replaceChildren(list);
    if (said) speak(said);
  }

  private say(words: string): void {
    const late = this.querySelector<HTMLElement>("[data-fr-late]");
    if (!late || (!late.hidden && late.textContent === words)) return;
    late.textContent = words;
    late.hidden = false;
    speak(words);
  }
}

const STALE = text({
  ko: "새 수치를 받지 못하고 있습니다. 표시된 수치는 오래되었을 수 있습니다.",
  en: "No new figures arrive. Those shown may be old.",
});
const LOGGED_OUT = text({
  ko: "로그인이 만료되었습니다. 페이지를 새로 고쳐 다시 로그인해 주세요.",
  en: "Your login has ended. Reload the page to log in again.",
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, EVERY));
}

function link(url: string, words: string): HTMLAnchorElement {
  const found = document.createElement("a");
  found.href = url;
  found.textContent = words;
  return found;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Define the element. */
export function defineBoard(): void {
  customElements.define("fr-board", Board);
}
