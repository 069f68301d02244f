/** Which performance and gate a device works at: chosen once, kept until the show is over. */

const NAME = "fr-door";
const LONGEST = 40; // characters of a gate's name

export interface Place {
  readonly performanceId: string;
  readonly gate: string;
  /** When it is forgotten. */
  readonly until: string;
}

/** Return what was chosen, unless its time has passed. */
export function placeAt(now: number): Place | undefined {
  try {
    const place = JSON.parse(localStorage.getItem(NAME) ?? "null") as Place | null;
    return place && Date.parse(place.until) > now ? place : undefined;
  } catch {
    return undefined; // without storage it is chosen at each visit
  }
}

export function keepPlace(place: Place): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(place));
  } catch {
    // As above.
  }
}

export function forgetPlace(): void {
  try {
    localStorage.removeItem(NAME);
  } catch {
    // As above.
  }
}

/** Return a gate's name as it is kept: no blanks around it, none twice, not too long. */
export function gateNamed(typed: string): string {
  return typed.trim().replace(/\s+/g, " ").slice(0, LONGEST);
}
