/** A gate: each scan by the server where it answers in time, by the list where not; none is lost. */

import { jittered } from "../../core/api";
import { serverClock } from "../../core/clock";
import { newKey } from "../../core/keys";
import { onReturn } from "../../core/page";
import { Problem, problemOf } from "../../core/problem";
import type {
  Decision,
  DoorFacts,
  FoundTicket,
  Gate,
  Outcome,
  Reading,
  Standing,
  Undone,
} from "../gate";
import { decide } from "./decide";
import type { KeptAdmissionList } from "./kept_list";
import { seatName } from "./list";
import { type Admission, isNoAnswer, type Remote } from "./remote";
import type { Scans } from "./scans";
import { look, type Seen } from "./seen";
import type { Signatures } from "./signature";
import { standingOf } from "./standing";
import type { KeptScan } from "./storage";
import { sendPending } from "./sync";

const FRESH_SECONDS = 15; // between two looks at the list, with a network
const RETRY_SECONDS = 3; // without one
const KEEPS_NOTHING = "door_keeps_nothing";
const OUTCOMES: ReadonlySet<string> = new Set<Outcome>([
  "already_admitted",
  "wrong_performance",
  "ticket_void",
  "ticket_not_found",
  "doors_closed",
]);

/** What a gate works with. */
export interface Parts {
  readonly performanceId: string;
  readonly gate: string;
  readonly facts: DoorFacts;
  readonly scans: Scans;
  readonly kept: KeptAdmissionList;
  readonly signatures: Signatures;
  readonly remote: Remote;
  /** Called once, at the end. */
  readonly release: () => void;
}

/** One look at a ticket, as far as the server has not decided it. */
interface Look {
  readonly code: string;
  readonly by: Reading;
  readonly scanId: string;
  readonly wasAsked: boolean;
}

export class DoorGate implements Gate {
  readonly #parts: Parts;
  readonly #listeners: (() => void)[] = [];
  /** Scans by their tickets that were asked about without an answer and that the list refused: the same scan again. */
  readonly #open = new Map<string, string>();
  #last: Promise<unknown> = Promise.resolve();
  #isOnline = navigator.onLine;
  #refusal: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { signal } = this.#closing;
    onReturn(() => void this.catchUp(), signal);
    window.addEventListener("offline", () => this.#setOnline(false), { signal });
  }

  /** One after the other: the second of two looks at a ticket knows of the first. */
  scan(code: string, by: Reading): Promise<Decision> {
    const decided = this.#last.then(() => this.#decide(code, by));
    this.#last = decided.catch(() => undefined);
    return decided;
  }

  async undo(scanId: string, reason: string): Promise<Undone> {
    const { scans } = this.#parts;
    const scan = scans.get(scanId);
    if (!scan) return "undone";
    await scans.undo(scan, reason);
    this.#changed();
    if (scan.state === "conflict") return "here";
    if (!this.#isOnline) return "undone";
    await this.#round; // which may have sent what was pending already
    await this.catchUp();
    const isOpen = typeof scans.get(scanId)?.undoReason === "string";
    if (isOpen && this.#refusal !== null) throw new Problem(this.#refusal);
    return "undone";
  }

  async find(words: string): Promise<readonly FoundTicket[]> {
    const { kept, scans, performanceId } = this.#parts;
    return kept.list.find(words).map(({ hash, seat, initials, status }) => {
      const isIn = status === "VALID" && scans.admission(performanceId, hash, kept.asOf);
      return { seat, initials, status: isIn ? "USED" : status };
    });
  }

  standing(): Standing {
    return { ...standingOf(this.#parts), online: this.#isOnline, refusal: this.#refusal };
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  mayLeave(): boolean {
    return this.#parts.scans.pending().length === 0;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Send what is pending and ask for what has changed; once at a time, and again later. */
  catchUp(): Promise<void> {
    this.#round ??= this.#catchUp().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    for (let last: unknown; last !== this.#last; ) {
      last = this.#last; // a scan may come while it closes: it is kept as well
      await Promise.allSettled([last, this.#round]);
    }
    this.#parts.release();
  }

  async #catchUp(): Promise<void> {
    const { scans, remote, kept, facts, signatures } = this.#parts;
    clearTimeout(this.#timer);
    try {
      const refusal = await sendPending(scans, remote);
      const refreshed = kept.refresh(remote, facts, this.#closing.signal);
      await refreshed.finally(() => signatures.take(kept.keys ?? facts.keys));
      this.#refusal = refusal?.code ?? null;
      this.#setOnline(true);
    } catch (error) {
      if (error instanceof Problem) this.#failed(error);
      else if (!this.#closing.signal.aborted) this.#keptNothing();
    }
    if (this.#closing.signal.aborted) return;
    const seconds = this.#isOnline ? FRESH_SECONDS : RETRY_SECONDS;
    this.#timer = setTimeout(() => void this.catchUp(), jittered(seconds) * 1000);
    this.#changed();
  }

  async #decide(code: string, by: Reading): Promise<Decision> {
    const seen = await look(code, this.#parts);
    const scanId = this.#open.get(ticketOf(code, seen)) ?? newKey();
    let wasAsked = false;
    if (this.#isOnline && !seen.isPending && code.trim()) {
      try {
        return await this.#ask(code, scanId, seen);
      } catch (error) {
        wasAsked = true;
        this.#failed(problemOf(error));
      }
    }
    return this.#decideByList({ code, by, scanId, wasAsked }, seen);
  }

  /** Return the server's decision; throws where it has none. */
  async #ask(code: string, scanId: string, seen: Seen): Promise<Decision> {
    const { performanceId, gate, facts, remote } = this.#parts;
    const asked = { performance_id: performanceId, code, gate, scan_id: scanId };
    try {
      const admission = await remote.scan(facts.scanUrl, asked);
      this.#open.delete(ticketOf(code, seen));
      await this.#noteAdmission(scanId, admission, seen);
      return { ...this.#plain(scanId, seen, "admitted"), ...admissionFacts(admission, gate) };
    } catch (error) {
      const wasOpen = this.#open.delete(ticketOf(code, seen));
      if (!(error instanceof Problem)) throw error;
      if (wasOpen && error.code === "scan_undone") return this.#ask(code, newKey(), seen);
      if (!OUTCOMES.has(error.code)) {
        if (wasOpen) this.#open.set(ticketOf(code, seen), scanId);
        throw error;
      }
      const isForged = error.code === "ticket_not_found" && seen.proof === "forged";
      const outcome = isForged ? "not_signed" : (error.code as Outcome);
      const { at = null, gate: where = null } = error.fields as Partial<Record<string, string>>;
      return { ...this.#plain(scanId, seen, outcome), at, gate: where };
    }
  }

  async #decideByList({ code, by, scanId, wasAsked }: Look, seen: Seen): Promise<Decision> {
    const now = serverClock.now();
    const { outcome, at = null, gate = null } = decide(seen, by, this.#parts.facts, now);
    const plain = { ...this.#plain(scanId, seen, outcome), at, gate, byList: true };
    if (outcome !== "admitted") {
      if (wasAsked) this.#open.set(ticketOf(code, seen), scanId);
      return plain;
    }
    this.#open.delete(ticketOf(code, seen));
    const scan = this.#scanOf(scanId, seen, { code, wasAsked, at: new Date(now).toISOString() });
    await this.#keep(scan);
    return { ...plain, at: scan.at, gate: scan.gate };
  }

  async #noteAdmission(scanId: string, admission: Admission, seen: Seen): Promise<void> {
    const scan = this.#scanOf(scanId, seen, {
      code: null,
      wasAsked: true,
      at: admission.admitted_at,
    });
    await this.#keep({
      ...scan,
      state: "admitted",
      seat: seatName(admission.seat),
      sentAt: new Date(serverClock.now()).toISOString(),
      checkinId: admission.id,
    });
  }

  /** Whom the gate lets in is in: a device that is full goes on in memory, and says so. */
  async #keep(scan: KeptScan): Promise<void> {
    try {
      await this.#parts.scans.keep(scan);
    } catch {
      this.#refusal = KEEPS_NOTHING;
    }
    this.#changed();
  }

  #scanOf(scanId: string, seen: Seen, facts: Pick<KeptScan, "code" | "wasAsked" | "at">): KeptScan {
    const { performanceId, gate } = this.#parts;
    const { batchUrl, undoUrl, keptUntil } = this.#parts.facts;
    const place = {
      scanId,
      performanceId,
      gate,
      hash: seen.hash,
      seat: seen.entry?.seat ?? null,
    };
    const open = { sentAt: null, checkinId: null, undoReason: null, refusal: null };
    return { ...place, ...facts, ...open, state: "unsent", batchUrl, undoUrl, keptUntil };
  }

  #plain(scanId: string, { entry: listed }: Seen, outcome: Outcome): Decision {
    const entry = outcome === "type_code" ? undefined : listed; // nothing is said to be known of it
    const facts = { seat: entry?.seat ?? null, holder: entry?.initials ?? null };
    return { scanId, outcome, ...facts, at: null, gate: null, checkinId: null, byList: false };
  }

  #failed(problem: Problem): void {
    if (isNoAnswer(problem)) this.#setOnline(false);
    else this.#refusal = problem.code;
    this.#changed();
  }

  /** The disk fails after the server has answered: it is asked again, or gates part. */
  #keptNothing(): void {
    this.#refusal = KEEPS_NOTHING;
    this.#setOnline(true);
  }

  #setOnline(isOnline: boolean): void {
    const isNew = this.#isOnline !== isOnline;
    this.#isOnline = isOnline;
    if (!isNew) return;
    if (!isOnline && !this.#round && !this.#closing.signal.aborted) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.catchUp(), RETRY_SECONDS * 1000);
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** By which a ticket is the same, however it was read. */
function ticketOf(code: string, { hash }: Seen): string {
  return hash || code;
}

function admissionFacts({ id, seat, holder_name, admitted_at }: Admission, gate: string) {
  const holder = holder_name || null;
  return { seat: seatName(seat), holder, at: admitted_at, gate, checkinId: id };
}
