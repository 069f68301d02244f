/**
 * A gate of a door as its page sees it: it answers every scan, by the server where that answers in
 * time and by the kept admission list otherwise, and loses none.
 */

export type Outcome =
  | "admitted"
  | "already_admitted"
  | "wrong_performance"
  | "ticket_void"
  | "ticket_not_found"
  | "doors_closed"
  | "not_signed"
  | "no_list"
  | "type_code";

/** How a code came: a camera or a scanner reads what anybody may have printed, a person looks at it. */
export type Reading = "camera" | "scanner" | "hand";

/** What a scan comes to. Times are ISO 8601 in UTC, seats in short: "A-3-12". */
export interface Decision {
  readonly scanId: string;
  readonly outcome: Outcome;
  readonly seat: string | null;
  /** The holder's name; the initials where the list decided. */
  readonly holder: string | null;
  /** When the ticket admitted: now, or before where it is `already_admitted`. */
  readonly at: string | null;
  readonly gate: string | null;
  /** The server's id of the check-in; null where the server has not seen it yet. */
  readonly checkinId: string | null;
  /** Whether the list decided, without the server. */
  readonly byList: boolean;
}

/** A scan that the list let in and the server did not: for the supervisor, nobody is put out. */
export interface Conflict {
  readonly scanId: string;
  readonly seat: string | null;
  /** When it was scanned here. */
  readonly here: string;
  /** When and at which gate the ticket had admitted before, where that is the reason. */
  readonly there: string | null;
  readonly gate: string | null;
  /** The server's code of its refusal. */
  readonly outcome: string;
}

/** How a gate stands. */
export interface Standing {
  readonly online: boolean;
  /** How old the list is: the moment up to which it knows everything; null without a list. */
  readonly listAsOf: string | null;
  readonly tickets: number;
  /** Scans and undoings of this device that the server doesn't have yet, of all performances. */
  readonly unsent: number;
  readonly admittedHere: number;
  readonly admittedByGate: ReadonlyMap<string, number>;
  readonly conflicts: readonly Conflict[];
  /** Whether this browser can check signatures; else codes have to be typed without a network. */
  readonly checksSignatures: boolean;
  /** The code of the server's last refusal of this device ("not_authenticated", …), until it is over. */
  readonly refusal: string | null;
}

export interface FoundTicket {
  readonly seat: string;
  readonly initials: string;
  readonly status: string;
}

/** Where an admission was undone: `here` alone where the server never had it, but another gate's. */
export type Undone = "undone" | "here";

export interface Gate {
  /** Ask the server for at most 1.5 s, then decide by the list and queue the scan. Never rejects. */
  scan(code: string, by: Reading): Promise<Decision>;
  /**
   * Undo an admission of this device; without a network it is queued like a scan. Rejects with the
   * `Problem` of a server that refuses: it goes again, and the ticket is in until then.
   */
  undo(scanId: string, reason: string): Promise<Undone>;
  /** Find tickets in the list by the words of a seat or by initials; at most 20. */
  find(words: string): Promise<readonly FoundTicket[]>;
  standing(): Standing;
  onChange(listener: () => void): void;
  /** Whether the device may log out or change hands: false with unsent scans. */
  mayLeave(): boolean;
  /** Resolves when nothing is under way any more and another gate may be opened. */
  close(): Promise<void>;
}

/** A public key of the key set at `/.well-known/jwks.json`, of the use "ticket". */
export interface TicketKey extends JsonWebKey {
  readonly kid: string;
}

/**
 * What the server says to a door's page. Documents are the API's:
 *
 * - `scanUrl`: POST `{performance_id, code, gate, scan_id}`, as `checkins_create`;
 * - `batchUrl`: POST `{performance_id, scans}`, as `checkins_batch`;
 * - `undoUrl`: POST `{checkin_id, reason}`, 204;
 * - `listUrl`: GET with `?since=` and If-None-Match, as `performances_admission_list`;
 * - `keysUrl`: GET, the public key set.
 */
export interface DoorFacts {
  readonly scanUrl: string;
  readonly batchUrl: string;
  readonly undoUrl: string;
  readonly listUrl: string;
  readonly keysUrl: string;
  /** The public keys as the page was made; those that the device has heard of since go before. */
  readonly keys: readonly TicketKey[];
  /** The token for the header `X-CSRFToken`. */
  readonly csrf: string;
  /** From when a ticket admits (null: at any time before) and until when: `tickets.door_times`. */
  readonly opensAt: string | null;
  readonly closesAt: string;
  /** When the device deletes what it keeps of this performance: a day after the show. */
  readonly keptUntil: string;
}

export { leaveDoor, openGate, sweepDoor } from "./offline/open";
