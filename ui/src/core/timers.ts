/** Timers that a hidden tab does not slow down: a worker counts, where there is one. */

import { trusted } from "./trusted";

type Handle = number;
let worker: Worker | undefined;
let last: Handle = 0;
const waiting = new Map<Handle, { fire(): void; at: number }>();
const solving = new Map<Handle, { heard(message: WorkMessage): void; failed(why: Error): void }>();

interface WorkMessage {
  readonly id: Handle;
  readonly response?: string;
  readonly tried?: number;
}

/** Let timers run in the worker at `address`, a script of our own origin. */
export function useWorker(address: string): void {
  if (worker) return;
  try {
    worker = new Worker(trusted(address));
  } catch {
    return; // timers of the page do the same, a hidden tab's more slowly
  }
  worker.addEventListener("error", () => {
    worker = undefined;
    for (const { fire, at } of waiting.values()) setTimeout(fire, at - Date.now());
    for (const { failed } of solving.values()) failed(new Error("the worker has ended"));
    solving.clear();
  });
  worker.addEventListener("message", ({ data }: MessageEvent<WorkMessage>) => {
    const work = solving.get(data.id);
    if (work) work.heard(data);
    else waiting.get(data.id)?.fire();
  });
}

/** Call `due` once after some milliseconds; returns what `cancel` takes. */
export function after(milliseconds: number, due: () => void): Handle {
  last += 1;
  const id = last;
  const fire = () => {
    if (waiting.delete(id)) due();
  };
  waiting.set(id, { fire, at: Date.now() + milliseconds });
  if (worker) worker.postMessage({ id, milliseconds });
  else setTimeout(fire, milliseconds);
  return id;
}

/** Let a timer pass without a call. */
export function cancel(id: Handle | undefined): void {
  if (id !== undefined) waiting.delete(id);
}

/** Resolve after some milliseconds; rejects when `signal` aborts. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const id = after(milliseconds, resolve);
    signal?.addEventListener("abort", () => {
      cancel(id);
      reject(signal.reason);
    });
  });
}

/** Solve a proof of work in the worker; `progress` gets the tries so far. Rejects without a worker. */
export function solve(
  challenge: string,
  bits: number,
  progress: (tried: number) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (!worker) {
      reject(new Error("no worker"));
      return;
    }
    last += 1;
    const id = last;
    const heard = ({ response, tried }: WorkMessage) => {
      if (response === undefined) {
        progress(tried ?? 0);
        return;
      }
      solving.delete(id);
      resolve(response);
    };
    solving.set(id, { heard, failed: reject });
    worker.postMessage({ id, challenge, bits });
  });
}
