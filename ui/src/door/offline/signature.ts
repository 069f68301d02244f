/** Whose signature a ticket carries, by the public keys that the page was given. */

import type { TicketKey } from "../gate";
import type { Signed } from "./codes";

/**
 * `unknown`: none of the known keys is named, or this browser has no Ed25519. Such a ticket is
 * believed as far as one whose code was typed.
 */
export type Proof = "genuine" | "forged" | "unknown";

export class Signatures {
  readonly #keys = new Map<string, CryptoKey>();

  /** Take the keys in; what a browser cannot use is left out. */
  static async by(keys: readonly TicketKey[]): Promise<Signatures> {
    const made = new Signatures();
    for (const { kid, kty = "", crv = "", x = "" } of keys) {
      const use = { name: "Ed25519" };
      const key = crypto.subtle.importKey("jwk", { kty, crv, x }, use, false, ["verify"]);
      await key.then((known) => made.#keys.set(kid, known)).catch(() => undefined);
    }
    return made;
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
