/**
 * Passkeys: forms whose `credential` the browser makes (`data-fr-passkey="create"`) or proves
 * (`"get"`), as the options in `#fr-passkey` ask. Without the script the forms stay hidden, and
 * there is always another way.
 */

import { text } from "../core/text";

/** The options as the server writes them: bytes are base64url. */
interface Descriptor {
  readonly id: string;
  readonly type: "public-key";
  readonly transports?: AuthenticatorTransport[];
}
interface Options {
  readonly publicKey: {
    readonly challenge: string;
    readonly user?: { readonly id: string; readonly name: string; readonly displayName: string };
    readonly excludeCredentials?: Descriptor[];
    readonly allowCredentials?: Descriptor[];
  };
}

/** Let the forms of passkeys on the page work, where the browser has passkeys here. */
export function definePasskeys(): void {
  const source = document.querySelector("script#fr-passkey");
  // An address that is no name, such as 127.0.0.1, has none, whatever the browser says.
  const isPossible = "PublicKeyCredential" in window && !/^[\d.]+$|:/.test(location.hostname);
  if (!source || !isPossible) return;
  const options = JSON.parse(source.textContent ?? "") as Options;
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-fr-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void send(form, options);
    });
  }
  for (const note of document.querySelectorAll<HTMLElement>("[data-fr-no-passkey]")) {
    note.hidden = true;
  }
}

/** Ask the browser, then send what it made; say where that failed. */
async function send(form: HTMLFormElement, options: Options): Promise<void> {
  const field = form.querySelector<HTMLInputElement>("input[name=credential]");
  const button = form.querySelector("button");
  const said = form.querySelector<HTMLElement>("[data-fr-passkey-said]");
  if (!field || button?.disabled) return;
  if (button) button.disabled = true;
  try {
    field.value = JSON.stringify(await ask(form.dataset.frPasskey === "create", options));
    form.submit();
  } catch (error) {
    const isKnown = error instanceof DOMException && error.name === "InvalidStateError";
    if (said) said.textContent = isKnown ? KNOWN : FAILED;
    if (button) button.disabled = false;
  }
}

const KNOWN = text({
  ko: "이 기기의 패스키는 이미 등록되어 있습니다.",
  en: "This device has a passkey of this account already.",
});
const FAILED = text({
  ko: "패스키를 사용하지 못했습니다. 다시 시도하거나 인증 코드를 사용해 주세요.",
  en: "The passkey was not used. Try again, or use a code.",
});

async function ask(isNew: boolean, { publicKey }: Options): Promise<object> {
  const challenge = toBytes(publicKey.challenge);
  const asked = isNew
    ? await navigator.credentials.create({
        publicKey: {
          ...(publicKey as unknown as PublicKeyCredentialCreationOptions),
          challenge,
          user: { ...publicKey.user, id: toBytes(publicKey.user?.id ?? "") } as never,
          excludeCredentials: described(publicKey.excludeCredentials),
        },
      })
    : await navigator.credentials.get({
        publicKey: {
          ...(publicKey as unknown as PublicKeyCredentialRequestOptions),
          challenge,
          allowCredentials: described(publicKey.allowCredentials),
        },
      });
  const made = asked as PublicKeyCredential;
  return { id: made.id, rawId: toText(made.rawId), type: made.type, ...answered(made.response) };
}

/** Return the bytes that prove it, by the names of the standard. */
function answered(response: AuthenticatorResponse): object {
  const clientDataJSON = toText(response.clientDataJSON);
  if (response instanceof AuthenticatorAttestationResponse) {
    return { response: { clientDataJSON, attestationObject: toText(response.attestationObject) } };
  }
  const { authenticatorData, signature } = response as AuthenticatorAssertionResponse;
  return {
    response: {
      clientDataJSON,
      authenticatorData: toText(authenticatorData),
      signature: toText(signature),
    },
  };
}

function described(listed: Descriptor[] = []): PublicKeyCredentialDescriptor[] {
  return listed.map((one) => ({ ...one, id: toBytes(one.id) }));
}

function toBytes(base64url: string): Uint8Array<ArrayBuffer> {
  const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(bytes: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
