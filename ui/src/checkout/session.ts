/** What this tab remembers of a payment, so that a double press, Back and reload repeat it. */

import { newKey } from "../core/keys";

/** Return the idempotency key of an attempt, the same one until it is `dropKey`ed. */
export function keyOf(...attempt: readonly string[]): string {
  const name = nameOf(attempt);
  const found = read(name);
  if (found) return found;
  const made = newKey();
  write(name, made);
  return made;
}

/** Forget the key of an attempt that has ended: the next one is another. */
export function dropKey(...attempt: readonly string[]): void {
  try {
    sessionStorage.removeItem(nameOf(attempt));
  } catch {
    // Nothing was kept.
  }
}

function nameOf(attempt: readonly string[]): string {
  return `fr-pay:${attempt.join(":")}`;
}

export function read(name: string): string | undefined {
  try {
    return sessionStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

export function write(name: string, value: string): void {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // Without storage a repeated press in this page still has its key: the form is locked meanwhile.
  }
}
