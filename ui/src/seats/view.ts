/** What stands beside the map: tabs, best seats, the choice, notices. */

import { html, nothing, type TemplateResult } from "lit/html.js";
import { minutesAndSeconds, money, number } from "../core/format";
import { needsLogin, type Problem, wordsOf } from "../core/problem";
import { plural, text } from "../core/text";
import { freeByGrade } from "./blocks";
import { type Loss, sum } from "./choice";
import type { SeatsData } from "./facts";
import type { Hall } from "./hall";
import type { Notice, SeatsModel } from "./model";
import { placeName, STATES, type State, shortName } from "./names";
import { BACK_TO_QUEUE, REFUSALS } from "./words";

export type Tab = "best" | "map" | "list";
export interface SeatsActions {
  open(tab: Tab): void;
  best(form: HTMLFormElement): void;
  hold(): void;
  drop(seat: number): void;
  clear(): void;
  accept(offer: readonly number[]): void;
  dismiss(): void;
  pay(reservationId: string): void;
  giveBack(): void;
}

type Part = TemplateResult | typeof nothing;
const TABS = {
  best: { ko: "추천 좌석", en: "Best seats" },
  map: { ko: "좌석 배치도", en: "Seat map" },
  list: { ko: "구역별", en: "By section" },
} as const;

export function tabsView(shown: Tab, act: SeatsActions): TemplateResult {
  const tabs = Object.keys(TABS) as Tab[];
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = tabs[(tabs.indexOf(shown) + by + tabs.length) % tabs.length] ?? shown;
    act.open(next);
    requestAnimationFrame(() => document.getElementById(`fr-tab-${next}`)?.focus());
  };
  return html`<div role="tablist" class="fr-tabs" @keydown=${onKey}
    aria-label=${text({ ko: "좌석을 고르는 방법", en: "Ways to choose seats" })}>
    ${tabs.map(
      (tab) => html`<button type="button" role="tab" id="fr-tab-${tab}" class="fr-tab"
        aria-controls="fr-panel-${tab}" aria-selected=${tab === shown ? "true" : "false"}
        tabindex=${tab === shown ? 0 : -1} @click=${() => act.open(tab)}>${text(TABS[tab])}</button>`,
    )}
  </div>`;
}

/** One press: so many of the best seats, of a grade or of any. */
export function bestView(model: SeatsModel, act: SeatsActions): TemplateResult {
  const { grades } = model.data.performance;
  const free = model.hall && model.statuses ? freeByGrade(model.hall, model.free) : undefined;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    act.best(event.target as HTMLFormElement);
  };
  return html`<form class="fr-best" @submit=${submit}>
    <fieldset>
      <legend>${text({ ko: "몇 석이 필요하세요?", en: "How many seats?" })}</legend>
      <div class="fr-choices">
        ${Array.from({ length: model.most }, (_, nth) => nth + 1).map(
          (count) => html`<label class="fr-choice"><input type="radio" name="count" value=${count}
            ?checked=${count === Math.min(2, model.most)} /><span>${count}</span></label>`,
        )}
      </div>
    </fieldset>
    <fieldset>
      <legend>${text({ ko: "등급", en: "Grade" })}</legend>
      <label class="fr-row"><input type="radio" name="grade" value="" checked />
        <span>${text({ ko: "상관없음", en: "Any" })}</span></label>
      ${grades.map(({ code, name, price, seats_available }) => {
        const left = free?.get(code) ?? seats_available;
        // Never disabled: a grade that sells out while it is chosen would drop out of the wish.
        return html`<label class="fr-row"><input type="radio" name="grade" value=${code} />
          <span><b class="fr-dot" data-grade=${model.hall?.grades.indexOf(code) ?? -1}></b>${name}</span>
          <span>${money(price)}</span>
          <span class="fr-hint">${text({ ko: `${number(left)}석`, en: `${number(left)} left` })}</span>
        </label>`;
      })}
    </fieldset>
    <label class="fr-row"><input type="checkbox" name="together" checked />
      <span>${text({ ko: "나란히 앉기", en: "Side by side" })}</span></label>
    <label class="fr-row"><input type="checkbox" name="accessible" />
      <span>${text({ ko: "휠체어석", en: "Wheelchair places" })}</span></label>
    <button class="fr-button is-primary is-large" ?disabled=${model.isHolding}>
      ${text({ ko: "추천 좌석 선점", en: "Hold the best seats" })}
    </button>
  </form>`;
}

export function legendView(model: SeatsModel): TemplateResult {
  const shown: State[] = ["held", "sold", "chosen", "mine"];
  return html`<ul class="fr-legend" aria-label=${text({ ko: "범례", en: "Legend" })}>
    ${model.data.performance.grades.map(
      ({
        code,
        name,
      }) => html`<li><b class="fr-dot" data-grade=${model.hall?.grades.indexOf(code) ?? -1}
        aria-hidden="true"></b>${name}</li>`,
    )}
    ${shown.map((state) => html`<li><b class="fr-sign" data-state=${state} aria-hidden="true"></b>${text(STATES[state])}</li>`)}
  </ul>`;
}

/** What is chosen, its price, and the one button that holds all or none. */
export function choiceView(model: SeatsModel, act: SeatsActions): Part {
  const { hall, choice } = model;
  if (!hall || choice.length === 0) return nothing;
  const count = choice.length;
  return html`<section class="fr-total" aria-label=${text({ ko: "선택한 좌석", en: "Chosen seats" })}>
    <ul class="fr-chips">
      ${choice.map(
        (seat) => html`<li><button type="button" class="fr-chip" @click=${() => act.drop(seat)}
          aria-label=${text({ ko: `${placeName(hall, seat)} 선택 해제`, en: `Drop ${placeName(hall, seat)}` })}>
          ${shortName(hall, seat)} <span aria-hidden="true">×</span></button></li>`,
      )}
    </ul>
    <p class="fr-sum">${plural(count, { ko: `${count}석`, one: "1 seat", en: `${count} seats` })}
      <strong>${money(sum(hall, choice))}</strong></p>
    <button type="button" class="fr-button is-primary is-large" data-fr-hold ?disabled=${model.isHolding}
      @click=${act.hold}>
      ${
        model.isHolding
          ? text({ ko: "좌석을 잡는 중…", en: "Holding…" })
          : text({ ko: "좌석 잡고 결제하기", en: "Hold and pay" })
      }
    </button>
  </section>`;
}

/** The fan's own live hold: go on paying, or give it back. */
export function holdView(model: SeatsModel, now: number, act: SeatsActions): Part {
  const { hold } = model;
  if (!hold || model.notice?.kind === "apart") return nothing;
  const left = Date.parse(hold.expires_at) - now;
  if (left <= 0) return nothing;
  const names = hold.seats.map((seat) => `${seat.section}-${seat.row}-${seat.number}`).join(", ");
  return html`<section class="fr-notice is-good" data-fr-own-hold>
    <p>${text({ ko: `선점한 좌석이 있습니다: ${names}`, en: `You hold seats: ${names}` })}
      <strong>${minutesAndSeconds(left)}</strong></p>
    ${waysOutOfHold(hold.id, act)}
  </section>`;
}

function waysOutOfHold(id: string, act: SeatsActions): TemplateResult {
  return html`<p class="fr-actions">
    <button type="button" class="fr-button is-primary" @click=${() => act.pay(id)}>
      ${text({ ko: "결제 계속하기", en: "Go on paying" })}</button>
    <button type="button" class="fr-button is-quiet" @click=${act.giveBack}>
      ${text({ ko: "좌석 반환", en: "Give the seats back" })}</button>
  </p>`;
}

/** What has just happened, and the ways out. */
export function noticeView(model: SeatsModel, now: number, act: SeatsActions): Part {
  const { notice, hall } = model;
  if (!notice || !hall) return nothing;
  return html`<section class="fr-notice ${notice.kind === "apart" ? "" : "is-bad"}" data-fr-notice=${
    notice.kind === "problem" ? notice.problem.code : notice.kind
  } role="alert">${noticeBody(notice, model, hall, now, act)}</section>`;
}

function noticeBody(
  notice: Notice,
  model: SeatsModel,
  hall: Hall,
  now: number,
  act: SeatsActions,
): Part {
  switch (notice.kind) {
    case "full":
      return html`<p>${text({
        ko: `1인당 ${notice.most}석까지 선택할 수 있습니다.`,
        en: `One person may have at most ${notice.most} seats.`,
      })}</p>`;
    case "loss":
      return lossView(notice.loss, hall, act);
    case "apart":
      return html`<p>${text({
        ko: "나란히 앉을 수 있는 좌석이 없어 떨어진 좌석을 선점했습니다.",
        en: "There were no seats side by side: these are apart.",
      })} ${notice.reservation.seats.map((seat) => `${seat.section}-${seat.row}-${seat.number}`).join(", ")}</p>
      ${waysOutOfHold(notice.reservation.id, act)}`;
    default:
      return problemView(notice.problem, notice.at, model, now, act);
  }
}

function lossView(loss: Loss, hall: Hall, act: SeatsActions): TemplateResult {
  const gone = loss.gone.map((seat) => shortName(hall, seat)).join(", ");
  const { offer } = loss;
  return html`<p>${plural(loss.gone.length, {
    ko: `${gone} 좌석이 방금 판매되었습니다.`,
    one: `${gone} has just gone.`,
    en: `${gone} have just gone.`,
  })}</p>
  ${
    offer
      ? html`<p>${text({ ko: "가장 가까운 같은 등급 좌석:", en: "The nearest free ones of the same grade:" })}
        <strong>${offer.map((seat) => shortName(hall, seat)).join(", ")}</strong></p>
      <p class="fr-actions">
        <button type="button" class="fr-button is-primary" data-fr-offer @click=${() => act.accept(offer)}>
          ${text({ ko: "이 좌석으로 바꾸기", en: "Take these" })}</button>
        <button type="button" class="fr-button is-quiet" @click=${act.dismiss}>
          ${text({ ko: "직접 고르기", en: "Choose by myself" })}</button></p>`
      : html`<p>${text({
          ko: "같은 등급에 나란히 남은 좌석이 없습니다. 다른 구역이나 등급을 골라 보세요.",
          en: "No neighbours of that grade are free. Try another section or grade.",
        })}</p>`
  }`;
}

function problemView(
  problem: Problem,
  at: number,
  model: SeatsModel,
  now: number,
  act: SeatsActions,
): Part {
  const { urls } = model.data;
  const wait = problem.retryAfter ? at + problem.retryAfter * 1000 - now : 0;
  return html`<p>${wordsOf(problem, REFUSALS)}</p>
    ${
      problem.code === "hold_backoff" && wait > 0
        ? html`<p><strong role="timer">${minutesAndSeconds(wait)}</strong></p>`
        : nothing
    }
    ${limitView(problem)} ${problem.code === "no_seats_match" ? otherGrades(model) : nothing}
    <p class="fr-actions">${wayOut(problem, urls, act)}</p>`;
}

function limitView({ code, fields }: Problem): Part {
  if (code !== "seat_limit_exceeded" || typeof fields.limit !== "number") return nothing;
  const held = Number(fields.held ?? 0);
  return html`<p>${text({
    ko: `한도 ${fields.limit}석 중 ${held}석을 이미 가지고 있습니다.`,
    en: `The limit is ${fields.limit}; you have ${held} already.`,
  })}</p>`;
}

function otherGrades({ hall, free: bySection, data }: SeatsModel): Part {
  if (!hall) return nothing;
  const free = freeByGrade(hall, bySection);
  const some = data.performance.grades.filter(({ code }) => (free.get(code) ?? 0) > 0);
  return html`<ul>${some.map(
    ({ code, name, price }) =>
      html`<li>${name}, ${money(price)}: ${text({
        ko: `${number(free.get(code) ?? 0)}석`,
        en: `${number(free.get(code) ?? 0)} left`,
      })}</li>`,
  )}</ul>`;
}

function wayOut(problem: Problem, urls: SeatsData["urls"], act: SeatsActions): Part {
  if (needsLogin(problem)) return link(urls.login, text({ ko: "로그인", en: "Log in" }));
  if (BACK_TO_QUEUE.has(problem.code))
    return link(urls.queue, text({ ko: "대기열로", en: "To the waiting room" }));
  if (["sale_closed", "performance_cancelled", "sale_not_open"].includes(problem.code)) {
    return link(urls.performance_page, text({ ko: "공연 화면으로", en: "To the performance" }));
  }
  return html`<button type="button" class="fr-button is-quiet" @click=${act.dismiss}>
    ${text({ ko: "닫기", en: "Close" })}</button>`;
}

function link(address: string, words: string): TemplateResult {
  return html`<a class="fr-button is-primary" href=${address}>${words}</a>`;
}
