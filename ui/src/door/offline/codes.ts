/** What a camera, a scanner or a person gives a gate: a ticket's code, and what vouches for it. */

const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"; // RFC 9285
const BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's
const QR_LENGTH = 122; // characters
const [VERSION, PAYLOAD, SIGNED] = [1, 17, 81]; // a number; bytes
const CODE_LENGTH = 12;
const LONGEST = 1024; // as tickets/codes.py

/** A code that was typed or printed, which nothing vouches for but that nobody guesses it. */
interface Typed {
  readonly code: string;
}

/** A code that a signature vouches for, by the keys with this tag or this id. */
export interface Signed extends Typed {
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly isBy: (kid: string) => Promise<boolean>;
  /** The four bytes that name its performance; the old form names it whole. */
  readonly isFor: (performanceId: string) => Promise<boolean>;
}

/** `forged` is what looks like a signed ticket and can be none. */
export type Scanned = Typed | Signed | "forged" | "nothing";

/** Return what a text says, in any of the forms that `codes.code_in` of the server knows. */
export function read(text: string): Scanned {
  if (text.length > LONGEST) return "nothing";
  if (text.length === QR_LENGTH) return readQr(text);
  if (text.startsWith("ey")) return readOldForm(text);
  const typed = text.toUpperCase().replace(/[ -]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const isCode = typed.length === CODE_LENGTH && [...typed].every((one) => BASE32.includes(one));
  return isCode ? { code: typed } : "nothing";
}

/** Whether a signature has to be checked. */
export function isSigned(scanned: Scanned): scanned is Signed {
  return typeof scanned === "object" && "signature" in scanned;
}

/** Note [QR payload] in tickets/qr.py. Its expiry is for doors that have no list. */
function readQr(text: string): Scanned {
  const data = decodeBase45(text);
  if (data?.length !== SIGNED || data[0] !== VERSION) return "forged";
  const payload = data.slice(0, PAYLOAD);
  return {
    code: codeOf(new DataView(payload.buffer).getBigUint64(9)),
    signed: payload,
    signature: data.slice(PAYLOAD),
    isBy: async (kid) => (await digest(new TextEncoder().encode(kid)))[0] === payload[4],
    isFor: async (performanceId) => {
      const tag = (await digest(bytesOf(performanceId))).slice(0, 4);
      return tag.every((byte, nth) => byte === payload[5 + nth]);
    },
  };
}

/** A QR payload as it was before: a JWS, printed or kept as a picture. */
function readOldForm(text: string): Scanned {
  const [header = "", payload = "", signature = ""] = text.split(".");
  try {
    const { kid } = JSON.parse(decodeBase64Url(header));
    const { aud, code, performance } = JSON.parse(decodeBase64Url(payload));
    if (aud !== "frontrow-door" || typeof code !== "string") return "forged";
    return {
      code,
      signed: new TextEncoder().encode(`${header}.${payload}`),
      signature: Uint8Array.from(decodeBase64Url(signature), (sign) => sign.charCodeAt(0)),
      isBy: async (known) => known === kid,
      isFor: async (performanceId) => performance === performanceId,
    };
  } catch {
    return "forged";
  }
}

/** Return by what the admission list names a ticket (`code_hash` of tickets/queries.py). */
export async function hashOf(performanceId: string, code: string): Promise<string> {
  const bytes = await digest(new TextEncoder().encode(`${performanceId}:${code}`));
  return Array.from(bytes.slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function digest(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** Return the bytes of base 45, undefined where the text is none that an encoder writes. */
export function decodeBase45(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes: number[] = [];
  for (let start = 0; start < text.length; start += 3) {
    const values = Array.from(text.slice(start, start + 3), (sign) => BASE45.indexOf(sign));
    const number = values.reduceRight((sum, value) => sum * 45 + value, 0);
    if (values.length === 1 || values.includes(-1)) return undefined;
    if (number >= 256 ** (values.length - 1)) return undefined;
    if (values.length === 3) bytes.push(number >> 8);
    bytes.push(number & 255);
  }
  return Uint8Array.from(bytes);
}

function decodeBase64Url(text: string): string {
  return atob(text.replace(/-/g, "+").replace(/_/g, "/"));
}

function codeOf(number: bigint): string {
  const shifts = Array.from({ length: CODE_LENGTH }, (_, nth) =>
    BigInt(5 * (CODE_LENGTH - 1 - nth)),
  );
  return shifts.map((shift) => BASE32[Number((number >> shift) & 31n)]).join("");
}

/** The bytes of a UUID. */
function bytesOf(uuid: string): Uint8Array<ArrayBuffer> {
  const digits = uuid.replace(/-/g, "").match(/../g) ?? [];
  return Uint8Array.from(digits, (pair) => Number.parseInt(pair, 16));
}
