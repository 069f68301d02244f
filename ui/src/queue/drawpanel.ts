/** The draw as the page shows it: the commitment before the opening, the check afterwards. */

import { html, nothing, type TemplateResult } from "lit/html.js";
import type { Api } from "../core/api";
import { number } from "../core/format";
import { problemOf } from "../core/problem";
import { text } from "../core/text";
import { type Draw, rosterLine, type Verdict, verify } from "./draw";
import { noteCommitment, notedCommitment } from "./store";

const DRAW = "/api/v1/performances/{performance_id}/draw/";
const ROSTER = "/api/v1/performances/{performance_id}/draw/roster/";

const WRONG = {
  seed: {
    ko: "공개된 시드가 약속과 다릅니다.",
    en: "The seed is not the one that was committed to.",
  },
  commitment: {
    ko: "약속값이 오픈 전에 본 것과 다릅니다.",
    en: "The commitment is not the one that this page noted before the opening.",
  },
  beacon: {
    ko: "예고된 무작위 값이 추첨에 쓰이지 않았습니다.",
    en: "The beacon that was announced was not mixed in.",
  },
  number: {
    ko: "이 번호는 추첨으로 나올 수 없는 번호입니다.",
    en: "This number is none that the draw gives.",
  },
};

export class DrawPanel {
  #draw: Draw | undefined;
  #verdict: Verdict | undefined;
  #isInRoster: boolean | undefined;
  #isAsking = false;
  #hasLookedAgain = false;
  readonly #api: Api;
  readonly #performanceId: string;
  readonly #changed: () => void;

  constructor(api: Api, performanceId: string, changed: () => void) {
    this.#api = api;
    this.#performanceId = performanceId;
    this.#changed = changed;
  }

  /** Fetch the draw, and note its commitment for comparison after the opening. */
  async load(): Promise<void> {
    this.#isAsking = true;
    try {
      this.#draw = await this.#api.get(DRAW, {
        params: { performance_id: this.#performanceId },
        anonymous: true,
      });
    } catch (error) {
      problemOf(error);
      return; // a room without a draw shows none
    } finally {
      this.#isAsking = false;
    }
    const { commitment, seed } = this.#draw;
    if (commitment && !seed) noteCommitment(this.#performanceId, commitment);
    this.#changed();
  }

  /** Fetch it once more for somebody who has a place: a room may have got its draw meanwhile. */
  loadOnce(): void {
    if (this.#isAsking || this.#hasLookedAgain || this.#draw?.commitment) return;
    this.#hasLookedAgain = true;
    void this.load();
  }

  /** Compute the fan's own number from the revealed seed, and find it in the roster. */
  async check(userId: string, mine: number): Promise<void> {
    if (!this.#draw?.seed) await this.load();
    if (!this.#draw?.seed) return;
    this.#verdict = await verify(this.#draw, mine, notedCommitment(this.#performanceId));
    if (this.#verdict.isRight) this.#isInRoster = await this.#find(userId, mine, this.#verdict.nth);
    this.#changed();
  }

  async #find(userId: string, mine: number, nth: number): Promise<boolean | undefined> {
    try {
      const page = await this.#api.get(ROSTER, {
        params: { performance_id: this.#performanceId },
        query: { first: String(nth) },
        anonymous: true,
      });
      return page.lines[nth - page.first] === (await rosterLine(this.#performanceId, userId, mine));
    } catch (error) {
      problemOf(error);
      return undefined; // the roster comes some minutes after the opening
    }
  }

  render(userId: string, mine: number): TemplateResult | typeof nothing {
    const draw = this.#draw;
    if (!draw?.commitment || mine > draw.start + draw.numbers) return nothing;
    return html`<details class="fr-draw">
      <summary>${text({ ko: "추첨은 어떻게 공정한가요?", en: "How is the draw fair?" })}</summary>
      <p>
        ${text({
          ko: "추첨에 쓸 비밀값의 지문을 미리 공개합니다. 입장이 시작되면 비밀값이 공개되어 누구나 모든 번호를 계산할 수 있습니다.",
          en: "The fingerprint of a secret is shown before the draw. Once people are admitted the secret is public, and anybody can compute every number.",
        })}
      </p>
      <p><code class="fr-digest">${draw.commitment}</code></p>
      <button type="button" class="fr-button is-quiet" @click=${() => this.check(userId, mine)}>
        ${text({ ko: "내 번호 확인", en: "Check my number" })}
      </button>
      <p role="status">${this.#said()}</p>
    </details>`;
  }

  #said(): string {
    if (!this.#draw?.seed) {
      return text({
        ko: "비밀값은 입장이 시작된 뒤 공개됩니다.",
        en: "The secret is shown once people have been admitted.",
      });
    }
    const verdict = this.#verdict;
    if (!verdict) return "";
    if (!verdict.isRight) return text(WRONG[verdict.why]);
    const nth = number(verdict.nth);
    const computed = text({
      ko: `확인했습니다. 추첨 순서 ${nth}번째로 계산한 번호와 같습니다.`,
      en: `Checked: it is the number of turn ${nth} of the draw.`,
    });
    if (this.#isInRoster === undefined) return computed;
    const roster = this.#isInRoster
      ? text({ ko: "명부에도 있습니다.", en: "The roster has it." })
      : text({ ko: "명부에는 없습니다.", en: "The roster does not have it." });
    return `${computed} ${roster}`;
  }
}
