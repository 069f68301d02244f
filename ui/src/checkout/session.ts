/** What this tab remembers of a payment, so that a double press, Back and reload repeat it. */

import { newKey } from "../core/keys";
import { drop, read, write } from "../core/tab";

/** Return the idempotency key of an attempt, the same one until it is `dropKey`ed. */
export function keyOf(...attempt: readonly string[]): string {
  const name = nameOf(attempt);
  const found = read(name);
  if (found) return found;
  const made = newKey();
  write(name, made);
  return made;
}

/** Whether an attempt has been begun in this tab before. */
export function hasKey(...attempt: readonly string[]): boolean {
  return Boolean(read(nameOf(attempt)));
}

/** Forget the key of an attempt that has ended: the next one is another. */
export function dropKey(...attempt: readonly string[]): void {
  drop(nameOf(attempt));
}

function nameOf(attempt: readonly string[]): string {
  return `fr-pay:${attempt.join(":")}`;
}
