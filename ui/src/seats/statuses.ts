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
