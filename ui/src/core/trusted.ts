/** Addresses of scripts that a page starts: of our own origin, whatever a page's data says. */

interface Policy {
  createScriptURL(url: string): string;
}

interface Trusting {
  createPolicy(name: string, rules: Policy): Policy;
}

let policy: Policy | undefined;

/** Return the address as the browser wants it; raises TypeError for one of another origin. */
export function trusted(address: string): string {
  const url = new URL(address, location.href);
  if (url.origin !== location.origin) throw new TypeError("a script of another origin");
  const { trustedTypes } = globalThis as { trustedTypes?: Trusting };
  if (!trustedTypes) return url.href;
  policy ??= trustedTypes.createPolicy("frontrow", { createScriptURL: (given) => given });
  return policy.createScriptURL(url.href);
}
