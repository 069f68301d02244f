/** Idempotency keys. */

/** Return a new key; unlike `crypto.randomUUID` also without a secure origin. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
