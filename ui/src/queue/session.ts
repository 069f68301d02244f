/** A fan's stay in a waiting room: joins, asks at the right pace, and shares it with other tabs. */

import type { Api } from "../core/api";
import { serverClock } from "../core/clock";
import { LiveStream } from "../core/live";
import { onReturn } from "../core/page";
import { needsLogin, Problem, problemOf } from "../core/problem";
import { after, cancel } from "../core/timers";
import { type Facts, NOTHING, type Place, type PublicStatus, type SeenPlace } from "./facts";
import { nextStep, type Question } from "./pacing";
import { keep, recall } from "./store";
import { Tabs } from "./tabs";

const QUEUE = "/api/v1/performances/{performance_id}/queue/";
const MINE = "/api/v1/performances/{performance_id}/queue/me/";
/** What a join may bring along. */
export interface Bring {
  readonly invitation_code?: string;
  readonly challenge_response?: string;
}
interface Shared {
  readonly userId: string;
  readonly facts: Omit<Facts, "problem">;
  /** Whether the status comes by a stream. */
  readonly isStreamed: boolean;
}
/** Another tab that hears the stream says something at least this often. */
const STREAMED_MS = 20_000;

export class QueueSession {
  facts: Facts = NOTHING;
  userId = "";
  readonly #api: Api;
  readonly #params: { performance_id: string };
  readonly #changed: () => void;
  readonly #tabs: Tabs<Shared>;
  readonly #life = new AbortController();
  readonly #live: LiveStream;
  #leads = false;
  #isStreamed = false;
  #dueAt = 0;
  #timer: number | undefined;
  #asking: AbortController | undefined;

  constructor(api: Api, performanceId: string, changed: () => void) {
    this.#api = api;
    this.#params = { performance_id: performanceId };
    this.#changed = changed;
    this.#tabs = new Tabs(`fr-queue:${performanceId}`, (shared) => this.#hear(shared));
    this.#live = new LiveStream(
      ["status", "alive", "reload"],
      (name, data) => this.#hearStream(name, data),
      () => this.#schedule(),
    );
  }

  /** Show the place that was kept, find out who is logged in, and begin to ask. */
  async start(): Promise<void> {
    const performanceId = this.#params.performance_id;
    this.#restore(this.#api.login.shownUserId());
    onReturn(() => this.look(), this.#life.signal);
    window.addEventListener("offline", () => this.#refuse(new Problem("offline")), {
      signal: this.#life.signal,
    });
    try {
      this.userId = await this.#api.login.userId();
      if (recall(performanceId, this.userId)?.place.token !== this.facts.place?.token) {
        this.facts = NOTHING; // somebody else used this browser before
        this.#restore(this.userId);
      }
    } catch (error) {
      const problem = problemOf(error);
      // Nobody is logged in: a place that was kept here is that of who used this browser before.
      if (needsLogin(problem)) this.facts = NOTHING;
      this.#refuse(problem);
      if (!this.facts.place) return;
    }
    this.look();
    this.#tabs.onLead(() => {
      this.#leads = true;
      this.#live.follow(this.facts.status?.stream_url);
      if (!this.#asking) this.#schedule(); // else the answer that is under way does
    });
  }

  stop(): void {
    this.#life.abort();
    this.#live.close();
    this.#asking?.abort();
    cancel(this.#timer);
    this.#tabs.close();
  }

  /** Ask at once: the page is looked at again, or the network is back. */
  look(): void {
    const { place } = this.facts;
    void this.#ask(place ? "place" : "join");
  }

  /** Join, or join again at the end after the place was lost, given up or used. */
  join(bring: Bring = {}): Promise<void> {
    return this.#ask("join", bring);
  }

  /** Give the place up. */
  async leave(): Promise<void> {
    const { place } = this.facts;
    if (!place) return;
    try {
      await this.#api.delete(MINE, { params: this.#params, queueToken: place.token });
      this.#accept({ place: { ...place, state: "LEFT", pass: null } });
      cancel(this.#timer);
    } catch (error) {
      this.#refuse(problemOf(error));
    }
  }

  async #ask(question: Question, bring: Bring = {}): Promise<void> {
    cancel(this.#timer);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const { signal } = asking;
    try {
      const known = this.#live.isOpen && question !== "status" && this.facts.status;
      const status = known ? Promise.resolve(known) : this.#status(signal);
      const place = question === "status" ? undefined : await this.#place(question, bring, signal);
      const seen = question === "status" ? await status : await status.catch(() => undefined);
      if (signal.aborted) return;
      this.#accept({
        ...(seen ? { status: seen } : {}),
        ...(place ? { place: this.#seen(place, seen) } : {}),
      });
    } catch (error) {
      if (signal.aborted) return;
      this.#refuse(problemOf(error));
    }
    this.#asking = undefined;
    this.#schedule();
  }

  #status(signal: AbortSignal): Promise<PublicStatus> {
    const answer = this.#api.get(QUEUE, {
      params: this.#params,
      anonymous: true,
      tries: 1,
      signal,
    });
    answer.catch(() => undefined); // the place may fail first; then nobody waits for this one
    return answer;
  }

  #place(question: Question, bring: Bring, signal: AbortSignal): Promise<Place> {
    const queueToken = this.facts.place?.token;
    const options = { params: this.#params, queueToken, tries: 1, signal };
    if (question === "join") return this.#api.post(QUEUE, bring, options);
    // The join token is proof enough of a place: the far crowd need not renew its logins for it.
    const mayBeAdmitted = this.facts.place?.state === "ADMITTED" || !this.userId;
    return this.#api.get(MINE, { ...options, anonymous: !mayBeAdmitted || !this.userId });
  }

  #seen(place: Place, status: PublicStatus | undefined): SeenPlace {
    const servingThen = Math.min(
      status?.serving ?? this.facts.status?.serving ?? 0,
      Math.max(0, place.number - 1),
    );
    return { ...place, seenAt: serverClock.now(), servingThen };
  }

  #accept(news: Partial<Facts>): void {
    const before = this.facts;
    const isNew = news.place !== undefined && news.place.number !== before.place?.number;
    this.facts = { ...before, problem: undefined, ...news };
    const ahead = this.facts.place?.ahead ?? 0;
    if (isNew) this.facts = { ...this.facts, aheadAtFirst: Math.max(ahead, 1) };
    this.#keep();
    if (this.#leads) this.#live.follow(this.facts.status?.stream_url);
    const { problem: _, ...shared } = this.facts;
    this.#tabs.publish({ userId: this.userId, facts: shared, isStreamed: this.#live.isOpen });
    this.#changed();
  }

  /** The room's status as it changes; what concerns the own place is asked as ever. */
  #hearStream(name: string, data: unknown): void {
    const { problem, status } = this.facts;
    if (name === "reload" || this.#life.signal.aborted) {
      this.#live.close();
      this.#schedule();
      return;
    }
    const seen =
      name === "status"
        ? (data as PublicStatus)
        : status && { ...status, ...(data as PublicStatus) };
    if (!seen || (status && seen.as_of < status.as_of)) return;
    serverClock.observe(Date.parse(seen.as_of));
    this.#accept({ status: seen, problem });
    if (!this.#asking) this.#schedule(true);
  }

  #refuse(problem: Problem): void {
    this.facts = { ...this.facts, problem };
    this.#changed();
  }

  /** Take what another tab of the same fan has found out. */
  #hear({ userId, facts, isStreamed }: Shared): void {
    if (userId !== this.userId) return;
    this.#isStreamed = isStreamed;
    if ((facts.place?.seenAt ?? 0) < (this.facts.place?.seenAt ?? 0)) return;
    this.facts = { ...facts, problem: undefined };
    this.#changed();
    this.#schedule();
  }

  /** Ask what comes next at its time; news of a stream only bring that forward. */
  #schedule(onlySooner = false): void {
    if (this.#life.signal.aborted) return;
    const step = nextStep(this.facts, serverClock.now(), Math.random());
    // Another tab asks for this one; should the browser have frozen it, this one takes over.
    const shared = this.#isStreamed && step?.ask === "status" ? STREAMED_MS : 3000;
    const inMs = this.#leads ? step?.inMs : step && step.inMs * 2 + shared;
    if (onlySooner && inMs !== undefined && Date.now() + inMs >= this.#dueAt) return;
    cancel(this.#timer);
    if (!step || inMs === undefined) return;
    this.#dueAt = Date.now() + inMs;
    this.#timer = after(inMs, () => {
      // What the stream says need not be asked; the pace of the own place goes on.
      if (step.ask === "status" && this.#live.isOpen) this.#schedule();
      else void this.#ask(step.ask);
    });
  }

  #restore(userId: string | undefined): void {
    const kept = recall(this.#params.performance_id, userId);
    if (!kept) return;
    this.facts = { ...NOTHING, place: kept.place, aheadAtFirst: kept.aheadAtFirst };
    this.#changed();
  }

  #keep(): void {
    const { place, aheadAtFirst } = this.facts;
    if (!place || !this.userId) return;
    keep(this.#params.performance_id, this.userId, { place, aheadAtFirst });
  }
}
