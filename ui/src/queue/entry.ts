/** What a new place may cost: a check against programs; and what comes ahead of the line: an invitation. */

import { html, nothing, type TemplateResult } from "lit/html.js";
import { wordsOf } from "../core/problem";
import { text } from "../core/text";
import type { Screen } from "./screen";
import type { View } from "./view";
import { REFUSALS } from "./words";

type Part = TemplateResult | typeof nothing;
// Where a code helps: nobody has to be refused first to find its field.
const INVITED = new Set<Screen>([
  "joining",
  "not_open",
  "slow_down",
  "presale",
  "waiting",
  "near",
  "paused",
  "sold_out",
]);

/** The check under way, or what helps where it can't be carried out. */
export function workView({ screen, work, isStuck, act }: View): Part {
  if (screen !== "challenge") return nothing;
  if (isStuck) {
    return html`<p role="alert">
        ${text({
          ko: "이 브라우저에서 보안 확인을 진행할 수 없습니다. 광고 차단 등 확장 기능을 끄거나 다른 브라우저에서 다시 시도해 주세요.",
          en: "The check cannot be carried out in this browser. Switch off what blocks scripts, such as an ad blocker, or use another browser.",
        })}
      </p>
      <p><button type="button" class="fr-button is-primary" @click=${act.checkAgain}>
        ${text({ ko: "다시 확인", en: "Check again" })}</button></p>`;
  }
  return html`<div class="fr-challenge">
    <div class="fr-widget"></div>
    <progress
      max="1"
      .value=${work ?? 0}
      aria-label=${text({ ko: "보안 확인 진행", en: "Progress of the check" })}
    ></progress>
  </div>`;
}

/** The field for a code, closed until somebody wants it; what was wrong with one stands beside it. */
export function invitedView(view: View): Part {
  if (!INVITED.has(view.screen)) return nothing;
  const { problem } = view.facts;
  const refused = problem?.code.startsWith("invitation_") ? wordsOf(problem, REFUSALS) : "";
  return html`<details class="fr-invited">
    <summary>${text({ ko: "초대 코드가 있습니다", en: "I have an invitation" })}</summary>
    ${invitationView(view)}
    <p role="alert">${refused}</p>
  </details>`;
}

/** The field for another code, or for none, after one was refused to who has no place yet. */
export function openInvitationView(view: View): TemplateResult {
  return html`${invitationView(view)}
    <p class="fr-hint">
      ${text({ ko: "비워 두면 초대 코드 없이 참여합니다.", en: "Leave it empty to join without one." })}
    </p>`;
}

function invitationView({ screen, act }: View): TemplateResult {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const code = new FormData(event.target as HTMLFormElement).get("code");
    act.join(String(code ?? "").trim() || undefined);
  };
  return html`<form class="fr-field" @submit=${submit}>
    <label for="fr-invitation">${text({ ko: "초대 코드", en: "Invitation code" })}</label>
    <input id="fr-invitation" name="code" autocomplete="off" maxlength="1024"
      ?required=${screen !== "invitation"} />
    <button class="fr-button">${text({ ko: "참여하기", en: "Join" })}</button>
  </form>`;
}
