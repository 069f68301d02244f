/** Keeps the screen on while a fan wants it; a browser takes that back whenever the tab hides. */

export class ScreenLock {
  isWanted = false;
  #lock: WakeLockSentinel | undefined;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (this.isWanted && document.visibilityState === "visible") void this.#take();
    });
  }

  /** Whether this browser can do it. */
  static get isPossible(): boolean {
    return "wakeLock" in navigator;
  }

  async set(isWanted: boolean): Promise<void> {
    this.isWanted = isWanted;
    if (isWanted) await this.#take();
    else await this.#lock?.release();
  }

  async #take(): Promise<void> {
    try {
      if (!this.#lock || this.#lock.released) {
        this.#lock = await navigator.wakeLock.request("screen");
      }
      if (!this.isWanted) await this.#lock.release();
    } catch {
      // A low battery refuses; the next look at the page tries again.
    }
  }
}
