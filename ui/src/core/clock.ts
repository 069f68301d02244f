/** The server's clock, as far as this device can know it. */

const SAMPLES = 8;
const JUMP_MS = 1500; // between the two clocks of a device: it slept, or somebody set the time

/**
 * Estimates how far the server's clock is ahead of this device's.
 *
 * A document says when it was made, and it was made before it came: each one is a lower bound,
 * `as_of - received`. The largest of the last few is the best, however old a cached one was.
 */
export class ServerClock {
  #bounds: number[] = [];
  #offset = 0;
  #apart: number | undefined;

  /** Take note of a document made at `asOf` and received at `received` (device's clock, ms). */
  observe(asOf: number, received = Date.now(), monotonic = performance.now()): void {
    if (!Number.isFinite(asOf)) return;
    const apart = received - monotonic;
    if (this.#apart !== undefined && Math.abs(apart - this.#apart) > JUMP_MS) this.#bounds = [];
    this.#apart = apart;
    this.#bounds = [...this.#bounds, asOf - received].slice(-SAMPLES);
    this.#offset = Math.max(...this.#bounds);
  }

  /** Whether the server's time is known at all. */
  get isSet(): boolean {
    return this.#bounds.length > 0;
  }

  /** How far the server is ahead, in ms. */
  get offset(): number {
    return this.#offset;
  }

  /** Return the server's time now, in ms since 1970. */
  now(): number {
    return Date.now() + this.#offset;
  }
}

/** The clock of the server that sent this page. */
export const serverClock = new ServerClock();
