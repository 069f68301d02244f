/** The state of the seat map's page, and what changes it. */

import type { Api } from "../core/api";
import { type Problem, problemOf } from "../core/problem";
import { speak } from "../core/speak";
import { text } from "../core/text";
import { areTogether, freeBySection, unreadAlternatives } from "./blocks";
import { type Choice, type Loss, lossOf, pressed, seatsNamed } from "./choice";
import { HoldDesk, type Wanted } from "./desk";
import type { Availability, Reservation, SeatsData, Wish } from "./facts";
import { type Hall, sectionsOf } from "./hall";
import { HallLoader, LayoutChanged } from "./loader";
import { placeName, type State, stateOf } from "./names";
import { changes } from "./statuses";
import { STALE_MAP } from "./words";

const SEARCHED = 3; // sections that are read to find seats instead of those that went
const FEW = 10; // seats for one person, where the performance names no limit

/** What has just happened, said beside the map with its ways out. */
export type Notice =
  | { readonly kind: "problem"; readonly problem: Problem; readonly at: number }
  | { readonly kind: "loss"; readonly loss: Loss }
  | { readonly kind: "full"; readonly most: number }
  | { readonly kind: "apart"; readonly reservation: Reservation };

export class SeatsModel {
  hall: Hall | undefined;
  statuses = "";
  /** Free seats by section. */
  free: readonly number[] = [];
  choice: Choice = [];
  /** The fan's own live hold, and its seats. */
  hold: Reservation | undefined;
  mine: readonly number[] = [];
  notice: Notice | undefined;
  hints: readonly number[] = [];
  isHolding = false;
  readonly data: SeatsData;
  readonly desk: HoldDesk;
  readonly #changed: (seats: readonly number[]) => void;
  readonly #reloaded: () => void;
  readonly #loader: HallLoader;
  #isChoosingAgain = true;

  /**
   * `changed` gets the seats that look different now; `added` the sections whose seats have come;
   * `reloaded` is called for another hall.
   */
  constructor(
    api: Api,
    data: SeatsData,
    changed: (seats: readonly number[]) => void,
    added: (sections: readonly number[]) => void,
    reloaded: () => void,
  ) {
    this.data = data;
    this.desk = new HoldDesk(api, data.performance.id);
    this.#changed = changed;
    this.#reloaded = reloaded;
    this.#loader = new HallLoader(api, data.performance.id, (_, sections) => {
      this.mine = this.hold ? this.#seatsOf(this.hold) : [];
      added(sections);
    });
  }

  get most(): number {
    return this.data.performance.max_seats_per_fan ?? FEW;
  }

  /** Read the outline of the hall; raises Problem. Its seats come as they are wanted. */
  async load(): Promise<void> {
    this.hall = await this.#loader.outline();
    this.statuses = "";
    this.free = [];
    this.choice = [];
    this.mine = [];
    this.hints = [];
    this.#reloaded();
  }

  /** Read the seats of some sections; returns whether they are there. */
  async want(sections: readonly number[]): Promise<boolean> {
    try {
      await this.#loader.load(sections);
      return true;
    } catch (error) {
      if (error instanceof LayoutChanged) await this.load().catch(problemOf);
      else this.notice = { kind: "problem", problem: problemOf(error), at: Date.now() };
      this.#changed([]);
      return false;
    }
  }

  /** Look whether the fan has a live hold here; what is known stays where that can't be said. */
  async findHold(): Promise<void> {
    const found = await this.desk.live().catch(() => null);
    if (found !== null) this.#setHold(found);
  }

  /** Forget a hold whose time is over: its seats are anybody's. */
  forgetLapsed(now: number): void {
    if (this.hold && Date.parse(this.hold.expires_at) <= now) this.#setHold(undefined);
  }

  stateOf(seat: number): State {
    return stateOf(seat, this.statuses, this.choice, this.mine);
  }

  gradeName(seat: number): string {
    const code = this.hall?.sections[this.hall.sectionOf[seat] ?? 0]?.grade ?? "";
    return this.data.performance.grades.find((grade) => grade.code === code)?.name ?? code;
  }

  /** Take the newest states: another layout is loaded, a chosen seat that went is reported. */
  take(found: Availability): void {
    if (!this.hall) return;
    if (found.layout_version !== this.hall.version) {
      void this.load().catch(problemOf);
      return;
    }
    const before = this.statuses;
    this.statuses = found.statuses;
    const changed = before ? changes(before, found.statuses).map(({ index }) => index) : undefined;
    if (changed?.length !== 0) this.free = freeBySection(this.hall, found.statuses);
    if (this.#isChoosingAgain) void this.#chooseAgain(this.hall);
    const loss = lossOf(this.hall, this.choice, found.statuses);
    if (loss && !this.isHolding) this.#lose(loss);
    this.#changed(changed ?? Array.from({ length: this.hall.count }, (_, seat) => seat));
  }

  /** Choose the seats that the address names (checkout/pay.ts): those of a hold that ran out. */
  async #chooseAgain(hall: Hall): Promise<void> {
    this.#isChoosingAgain = false;
    const { ids, sections } = seatsNamed(location.hash);
    if (ids.length === 0 || !(await this.want(sectionsOf(hall, sections)))) return;
    if (this.hall !== hall || this.choice.length > 0) return;
    const wanted = ids.flatMap((id) => hall.indexOf.get(id) ?? []);
    this.choice = wanted.filter((seat) => this.statuses[seat] === "A").slice(0, this.most);
    this.#changed(this.choice);
  }

  /** A press on a seat: chosen, dropped, or refused with the reason. */
  press(seat: number): void {
    if (!this.hall || this.mine.includes(seat)) return;
    const [choice, press] = pressed(this.choice, seat, this.statuses, this.most);
    this.choice = choice;
    this.hints = [];
    this.notice = press === "full" ? { kind: "full", most: this.most } : undefined;
    const name = placeName(this.hall, seat);
    const said = {
      chosen: text({ ko: `${name} 선택`, en: `${name} chosen` }),
      dropped: text({ ko: `${name} 선택 해제`, en: `${name} dropped` }),
      taken: text({ ko: `${name}은 선택할 수 없습니다`, en: `${name} is not free` }),
      full: text({ ko: `${this.most}석까지 선택할 수 있습니다`, en: `At most ${this.most} seats` }),
    };
    speak(said[press]);
    this.#changed([seat]);
  }

  /** Choose what is offered instead of seats that have gone. */
  accept(offer: Choice): void {
    const before = this.choice;
    this.choice = offer.slice(0, this.most);
    this.notice = undefined;
    this.#changed([...before, ...offer]);
  }

  /** Drop all that is chosen. */
  clear(): void {
    const before = this.choice;
    this.choice = [];
    this.notice = undefined;
    this.hints = [];
    this.#changed(before);
  }

  /** Hold what is chosen; returns the hold, or `undefined` with the reason in `notice`. */
  async holdChoice(): Promise<Reservation | undefined> {
    const ids = this.choice.map((seat) => this.hall?.ids[seat] ?? "");
    const made = await this.#place({ seat_ids: ids });
    if (made) this.choice = [];
    return made;
  }

  /** Hold the best seats for a wish; those that are apart are asked about first. */
  async holdBest(wish: Wish, together: boolean): Promise<Reservation | undefined> {
    const made = await this.#place({ best_available: wish });
    if (!made || !this.hall || !together || !(await this.#readSeatsOf(made))) return made;
    const seats = this.#seatsOf(made);
    if (seats.length < made.seats.length || areTogether(this.hall, seats)) return made;
    this.notice = { kind: "apart", reservation: made };
    this.#changed(this.mine);
    return undefined;
  }

  /** Give the live hold back. */
  async giveBack(): Promise<void> {
    const { hold, mine } = this;
    if (!hold) return;
    try {
      await this.desk.giveBack(hold.id);
      this.#setHold(undefined);
      this.notice = undefined;
      speak(text({ ko: "좌석을 반환했습니다.", en: "The seats were given back." }));
    } catch (error) {
      this.notice = { kind: "problem", problem: problemOf(error), at: Date.now() };
    }
    this.#changed(mine);
  }

  async #place(wanted: Wanted): Promise<Reservation | undefined> {
    this.isHolding = true;
    this.notice = undefined;
    this.hints = [];
    this.#changed([]);
    try {
      const made = await this.desk.place(wanted);
      this.hold = made; // before the next states show its seats as held by somebody
      this.mine = this.#seatsOf(made);
      return made;
    } catch (error) {
      await this.#refused(problemOf(error));
      return undefined;
    } finally {
      this.isHolding = false;
      this.#changed(this.choice);
    }
  }

  async #refused(problem: Problem): Promise<void> {
    this.notice = { kind: "problem", problem, at: Date.now() };
    const seats = this.#indexes(problem.fields.seat_ids);
    if (problem.code === "orphan_seat") this.hints = seats;
    if (problem.code === "seat_taken") await this.#taken(problem, seats);
    if (STALE_MAP.has(problem.code)) await this.load().catch(problemOf);
  }

  async #taken(problem: Problem, gone: readonly number[]): Promise<void> {
    if (this.#indexes(problem.fields.yours).length > 0) {
      await this.findHold();
      if (this.hold) this.notice = undefined; // the hold has a place of its own on the page
      return;
    }
    if (!this.hall || gone.length === 0) return;
    const letters = Array.from(this.statuses);
    for (const seat of gone) if (letters[seat] === "A") letters[seat] = "T";
    this.statuses = letters.join("");
    const loss = lossOf(this.hall, this.choice, this.statuses);
    if (loss) this.#lose(loss);
    this.#changed(gone);
  }

  #lose(loss: Loss): void {
    const { hall } = this;
    if (!hall) return;
    this.choice = loss.kept;
    this.notice = { kind: "loss", loss };
    if (!loss.offer) void this.#offerElsewhere(hall, loss);
    const names = loss.gone.map((seat) => placeName(hall, seat)).join(", ");
    speak(text({ ko: `${names} 좌석이 방금 판매되었습니다.`, en: `${names} has just gone.` }));
  }

  /** Nothing near is free: look at the nearest sections of the grade that are not loaded yet. */
  async #offerElsewhere(hall: Hall, loss: Loss): Promise<void> {
    const lost = [...loss.gone, ...loss.kept];
    for (const section of unreadAlternatives(hall, this.free, loss).slice(0, SEARCHED)) {
      if (!(await this.want([section])) || this.hall !== hall) return;
      const { notice } = this;
      if (notice?.kind !== "loss" || notice.loss !== loss) return; // the fan went on meanwhile
      const found = lossOf(hall, lost, this.statuses);
      if (!found?.offer) continue;
      this.notice = { kind: "loss", loss: { ...loss, offer: found.offer } };
      this.#changed([]);
      return;
    }
  }

  #setHold(hold: Reservation | undefined): void {
    this.hold = hold;
    const before = this.mine;
    this.mine = hold ? this.#seatsOf(hold) : [];
    this.#changed([...before, ...this.mine]);
    if (hold && this.mine.length < hold.seats.length) void this.#readSeatsOf(hold);
  }

  #readSeatsOf({ seats }: Reservation): Promise<boolean> {
    const codes = seats.map(({ section }) => section);
    return this.want(this.hall ? sectionsOf(this.hall, codes) : []);
  }

  #seatsOf({ seats }: Reservation): number[] {
    return this.#indexes(seats.map(({ id }) => id));
  }

  #indexes(ids: unknown): number[] {
    if (!Array.isArray(ids)) return [];
    return ids.flatMap((id) => this.hall?.indexOf.get(String(id)) ?? []);
  }
}
