/** The states of seats: letters of the availability, and what changed between two of them. */

export const FREE = "A";

export interface Change {
  readonly index: number;
  readonly before: string;
  readonly after: string;
}

/** Return the seats whose letter differs between two strings of equal length. */
export function changes(before: string, after: string): Change[] {
  if (before === after) return [];
  const found: Change[] = [];
  for (let index = 0; index < after.length; index += 1) {
    if (before.charCodeAt(index) !== after.charCodeAt(index)) {
      found.push({ index, before: before[index] ?? "", after: after[index] ?? "" });
    }
  }
  return found;
}

/** What an event of the live stream says: the seats by their new letter, and the whole's CRC-32. */
export interface SeatNews {
  readonly as_of?: string;
  readonly crc?: number;
  readonly A?: readonly number[];
  readonly T?: readonly number[];
  readonly R?: readonly number[];
  readonly B?: readonly number[];
}

/** Return a document with the news of an event in it. */
export function withNews<D extends { readonly as_of: string; readonly statuses: string }>(
  before: D,
  news: SeatNews,
): D {
  const letters = Array.from(before.statuses);
  for (const letter of ["A", "T", "R", "B"] as const) {
    for (const index of news[letter] ?? []) letters[index] = letter;
  }
  return { ...before, as_of: news.as_of ?? before.as_of, statuses: letters.join("") };
}
