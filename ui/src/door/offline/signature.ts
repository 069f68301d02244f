/** Whose signature a ticket carries, by the public keys that the page was given. */

import type { TicketKey } from "../gate";
import type { Signed } from "./codes";

/**
 * `unknown`: none of the known keys is named, or this browser has no Ed25519. Such a ticket is
 * believed as far as a code without a signature.
 */
export type Proof = "genuine" | "forged" | "unknown";

export class Signatures {
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  #given: readonly TicketKey[] = [];

  static async by(keys: readonly TicketKey[]): Promise<Signatures> {
    const made = new Signatures();
    await made.take(keys);
    return made;
  }

  /** Whether any of the keys can be used here: a browser without Ed25519 can use none. */
  get areChecked(): boolean {
    return this.#keys.size > 0;
  }

  /** Believe these keys and no others from now on; what a browser cannot use is left out. */
  async take(keys: readonly TicketKey[]): Promise<void> {
    if (JSON.stringify(keys) === JSON.stringify(this.#given)) return;
    const usable = new Map<string, CryptoKey>();
    for (const { kid, kty = "", crv = "", x = "" } of keys) {
      const use = { name: "Ed25519" };
      const key = crypto.subtle.importKey("jwk", { kty, crv, x }, use, false, ["verify"]);
      await key.then((known) => usable.set(kid, known)).catch(() => undefined);
    }
    this.#keys = usable;
    this.#given = keys;
  }

  async proofOf({ signed, signature, isBy }: Signed): Promise<Proof> {
    let proof: Proof = "unknown";
    for (const [kid, key] of this.#keys) {
      if (!(await isBy(kid))) continue;
      if (await crypto.subtle.verify("Ed25519", key, signature, signed)) return "genuine";
      proof = "forged";
    }
    return proof;
  }
}
