/** The waiting room's page as templates of what is known. */

import { html, nothing, type TemplateResult } from "lit/html.js";
import { minutesAndSeconds, money, number, remaining, timeOfDay } from "../core/format";
import { wordsOf } from "../core/problem";
import { plural, text } from "../core/text";
import { invitedView, openInvitationView, workView } from "./entry";
import type { Facts, Performance, QueueData } from "./facts";
import { aheadNow, minutesOf, type Sample, waitOf } from "./progress";
import type { Screen } from "./screen";
import { REFUSALS, SCREENS } from "./words";

export interface Actions {
  join(invitation?: string): void;
  leave(): void;
  look(): void;
  /** Begin once more the check that could not be carried out. */
  checkAgain(): void;
  enter(): void;
  setEntersAlone(is: boolean): void;
  setAlerts(is: boolean): void;
  setWake(is: boolean): void;
}

export interface View {
  readonly screen: Screen;
  readonly facts: Facts;
  /** The server's time, ms. */
  readonly now: number;
  readonly data: QueueData;
  readonly seats: Performance | undefined;
  readonly samples: readonly Sample[];
  readonly bar: number;
  readonly entersInMs: number | undefined;
  readonly entersAlone: boolean;
  readonly alertsOn: boolean;
  readonly wakeOn: boolean;
  readonly canWake: boolean;
  /** How much of a proof of work is done, 0 to 1. */
  readonly work: number | undefined;
  /** The check can't be carried out here: no worker, or the service's script is blocked. */
  readonly isStuck: boolean;
  readonly draw: TemplateResult | typeof nothing | undefined;
  readonly act: Actions;
}

type Part = TemplateResult | typeof nothing;
const IN_LINE = new Set<Screen>(["presale", "waiting", "near", "paused", "draining", "sold_out"]);
// With the last known place on the page, and how old it is.
const UNSURE = new Set<Screen>(["unavailable", "offline"]);
/** Return the whole page of a state. */
export function queueView(view: View): TemplateResult {
  const { screen, facts } = view;
  const said = SCREENS[screen];
  return html`
    <section class="fr-card fr-queue-card" aria-labelledby="fr-queue-title">
      <h2 id="fr-queue-title">${text(said.title)}</h2>
      ${IN_LINE.has(screen) || UNSURE.has(screen) ? placeView(view) : nothing}
      ${screen === "admitted" ? admittedView(view) : nothing}
      <p class="fr-queue-body">${bodyOf(view)}</p>
      ${openingView(view)} ${workView(view)} ${actionsView(view)}
      ${invitedView(view)}
    </section>
    ${IN_LINE.has(screen) ? comfortView(view) : nothing} ${seatsView(view)}
    ${facts.place ? (view.draw ?? nothing) : nothing}
    <p class="fr-queue-plain">
      <a href=${view.data.urls.plain}>
        ${text({ ko: "스크립트 없이 순번 보기", en: "See your place without scripts" })}
      </a>
    </p>
  `;
}

function bodyOf({ screen, facts }: View): string {
  const { problem } = facts;
  if (problem && ["refused", "invitation", "challenge", "slow_down"].includes(screen)) {
    return screen === "slow_down" ? text(SCREENS.slow_down.body) : wordsOf(problem, REFUSALS);
  }
  return text(SCREENS[screen].body);
}

function placeView(view: View): Part {
  const { place, status } = view.facts;
  if (!place) return nothing;
  const ahead = aheadNow(place, status);
  return html`
    <dl class="fr-place">
      <div>
        <dt>${text({ ko: "내 번호", en: "Your number" })}</dt>
        <dd data-fr-number>${number(place.number)}</dd>
      </div>
      <div>
        <dt>${text({ ko: "내 앞", en: "Ahead of you" })}</dt>
        <dd data-fr-ahead>
          ${plural(ahead, {
            ko: `${number(ahead)}명`,
            one: "1 person",
            en: `${number(ahead)} people`,
          })}
        </dd>
      </div>
    </dl>
    <progress
      class="fr-bar"
      max="1"
      .value=${view.bar}
      aria-label=${text({ ko: "대기 진행", en: "How far you have come" })}
    ></progress>
    <p class="fr-wait" data-fr-wait>${waitWords(view)}</p>
    ${UNSURE.has(view.screen) ? ageView(view) : nothing}
  `;
}

function ageView({ facts, now }: View): Part {
  if (!facts.place) return nothing;
  const age = minutesAndSeconds(Math.max(0, now - facts.place.seenAt));
  return html`<p class="fr-hint">
    ${text({ ko: `${age} 전에 확인한 순번입니다.`, en: `This was your place ${age} ago.` })}
  </p>`;
}

/** Return the wait in words: a range with the rate it is from, or why there is none. */
function waitWords({ screen, facts, samples, now }: View): string {
  const { place, status } = facts;
  if (!place) return "";
  if (screen === "paused") {
    return text({
      ko: "멈춰 있는 동안에는 남은 시간을 알 수 없습니다.",
      en: "The wait can't be said while admission is paused.",
    });
  }
  const wait = waitOf(place, status, samples, now);
  const minutes = minutesOf(wait);
  if (!minutes) return text({ ko: "예상 대기 1분 미만", en: "Under a minute to wait" });
  const { from, to } = minutes;
  const range =
    from === to
      ? plural(to, { ko: `약 ${to}분`, one: "about 1 minute", en: `about ${to} minutes` })
      : text({ ko: `${from}~${to}분`, en: `${from} to ${to} minutes` });
  const expected = text({ ko: `예상 대기 ${range}`, en: `Expected wait: ${range}` });
  if (wait.rate === undefined || !status) return expected;
  const rate = number(Math.max(1, Math.round(wait.rate)));
  const asOf = timeOfDay(Date.parse(status.as_of));
  return text({
    ko: `${expected} (초당 ${rate}명 입장, ${asOf} 기준)`,
    en: `${expected}, at ${rate} people a second, as of ${asOf}`,
  });
}

/** The time until something opens by itself. */
function openingView({ screen, facts, data, now }: View): Part {
  const at =
    screen === "presale"
      ? facts.status?.admission_opens_at
      : screen === "not_open"
        ? data.performance.queue_opens_at
        : undefined;
  if (!at) return nothing;
  const left = remaining(Date.parse(at) - now);
  return html`<p class="fr-opening">
    ${
      screen === "presale"
        ? text({ ko: "입장 시작까지", en: "Admission begins in" })
        : text({ ko: "대기열 오픈까지", en: "The waiting room opens in" })
    }
    <strong role="timer">${left}</strong>
  </p>`;
}

function admittedView({ facts, now, entersInMs, entersAlone, act }: View): Part {
  const until = facts.place?.admitted_until;
  const left = until ? minutesAndSeconds(Date.parse(until) - now) : "";
  const seconds = Math.max(0, Math.ceil((entersInMs ?? 0) / 1000));
  return html`
    <p class="fr-turn-left">
      ${text({ ko: "남은 시간", en: "Time left" })} <strong role="timer">${left}</strong>
    </p>
    <p>
      <button type="button" class="fr-button is-primary is-large" @click=${act.enter}>
        ${text({ ko: "지금 입장", en: "Enter now" })}
      </button>
    </p>
    <label class="fr-switch">
      <input
        type="checkbox"
        .checked=${entersAlone}
        @change=${(event: Event) => act.setEntersAlone((event.target as HTMLInputElement).checked)}
      />
      ${
        entersAlone && entersInMs !== undefined
          ? text({ ko: `${seconds}초 후 자동으로 입장`, en: `Enter by itself in ${seconds} s` })
          : text({ ko: "자동으로 입장", en: "Enter by itself" })
      }
    </label>
  `;
}

function actionsView(view: View): Part {
  const { screen, data, act } = view;
  switch (screen) {
    case "login":
      return link(data.urls.login, text({ ko: "로그인", en: "Log in" }), true);
    case "expired":
    case "left":
      return button(
        () => act.join(),
        text({ ko: "맨 뒤 번호로 다시 참여", en: "Join again at the end" }),
      );
    case "finished":
      return link(data.urls.me, text({ ko: "예매 내역 보기", en: "See your tickets" }), true);
    case "not_required":
      return link(data.urls.seats, text({ ko: "좌석 선택", en: "Choose seats" }), true);
    case "closed":
      return link(
        data.urls.performance_page,
        text({ ko: "공연 화면으로", en: "To the performance" }),
        true,
      );
    case "invitation":
      return openInvitationView(view);
    case "refused":
    case "unavailable":
    case "offline":
      return button(act.look, text({ ko: "지금 다시 시도", en: "Try again now" }));
    default:
      return nothing;
  }
}

/** What makes waiting easier, and the way out. */
function comfortView({ alertsOn, wakeOn, canWake, act }: View): TemplateResult {
  return html`<section class="fr-comfort" aria-label=${text({ ko: "알림 설정", en: "While you wait" })}>
    ${toggle(alertsOn, act.setAlerts, text({ ko: "차례가 되면 소리와 알림", en: "Chime and notification at my turn" }))}
    ${canWake ? toggle(wakeOn, act.setWake, text({ ko: "화면 켜 두기", en: "Keep the screen on" })) : nothing}
    <button type="button" class="fr-button is-quiet" @click=${act.leave}>
      ${text({ ko: "대기열에서 나가기", en: "Leave the line" })}
    </button>
  </section>`;
}

function seatsView({ seats, screen }: View): Part {
  if (!seats?.grades.length || ["closed", "finished"].includes(screen)) return nothing;
  return html`<section class="fr-card" aria-labelledby="fr-left-title">
    <h2 id="fr-left-title">${text({ ko: "등급별 남은 좌석", en: "Seats left by grade" })}</h2>
    <ul class="fr-grades">
      ${seats.grades.map(
        (grade) => html`<li>
          <span>${grade.name}</span> <span>${money(grade.price)}</span>
          <strong>${text({ ko: `${number(grade.seats_available)}석`, en: number(grade.seats_available) })}</strong>
        </li>`,
      )}
    </ul>
  </section>`;
}

function toggle(isOn: boolean, set: (is: boolean) => void, words: string): TemplateResult {
  return html`<button
    type="button"
    class="fr-button is-quiet"
    aria-pressed=${isOn ? "true" : "false"}
    @click=${() => set(!isOn)}
  >
    ${words}
  </button>`;
}

function button(act: () => void, words: string): TemplateResult {
  return html`<p><button type="button" class="fr-button is-primary" @click=${act}>${words}</button></p>`;
}

function link(address: string, words: string, isPrimary: boolean): TemplateResult {
  return html`<p><a class="fr-button ${isPrimary ? "is-primary" : ""}" href=${address}>${words}</a></p>`;
}
