/** The tabs of one browser: one of them asks for all. */

export class Tabs<M> {
  readonly #channel: BroadcastChannel | undefined;
  readonly #name: string;
  #release: (() => void) | undefined;

  /** `hear` gets what other tabs of the same name have published. */
  constructor(name: string, hear: (message: M) => void) {
    this.#name = name;
    this.#channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(name) : undefined;
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<M>) => hear(data));
  }

  publish(message: M): void {
    this.#channel?.postMessage(message);
  }

  /** Call `lead` once this tab is the one that asks: at once, or when the one before has gone. */
  onLead(lead: () => void): void {
    // A page without a secure origin has no locks: then each tab asks for itself.
    if (!navigator.locks) {
      lead();
      return;
    }
    const held = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    navigator.locks
      .request(this.#name, () => {
        lead();
        return held;
      })
      .catch(lead);
  }

  close(): void {
    this.#release?.();
    this.#channel?.close();
  }
}
