/** The camera on the page: its buttons, its picture, and the codes that come into sight. */

import { text } from "../core/text";
import { ScreenLock } from "../core/wake";
import { DoorCamera } from "./camera";
import type { DoorData } from "./facts";
import { openReader, watch } from "./scanner";
import { SAID } from "./words";

export class Viewfinder {
  readonly #root: HTMLElement;
  readonly #urls: DoorData["urls"];
  readonly #scanned: (code: string) => void;
  readonly #camera: DoorCamera;
  readonly #lock = new ScreenLock();
  #watching: AbortController | undefined;

  constructor(root: HTMLElement, urls: DoorData["urls"], scanned: (code: string) => void) {
    this.#root = root;
    this.#urls = urls;
    this.#scanned = scanned;
    this.#camera = new DoorCamera(this.#part<HTMLVideoElement>("video"), () => {
      this.#turnOff();
      this.#say(text(SAID.camera_ended));
    });
    this.#press("camera", () => this.#toggle());
    this.#press("switch", () => this.#turnOn(() => this.#camera.next()));
    this.#press("torch", () => this.#light());
    window.addEventListener("pagehide", () => this.#turnOff());
  }

  async #toggle(): Promise<void> {
    if (this.#camera.isOn) this.#turnOff();
    else await this.#turnOn(() => this.#camera.start());
  }

  async #light(): Promise<void> {
    await this.#camera.light(!this.#camera.isLit);
    this.#part("torch").setAttribute("aria-pressed", String(this.#camera.isLit));
  }

  async #turnOn(start: () => Promise<void>): Promise<void> {
    this.#watching?.abort();
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    try {
      const [reader] = await Promise.all([openReader(this.#urls.reader, this.#urls.wasm), start()]);
      if (signal.aborted) return;
      void watch(this.#part<HTMLVideoElement>("video"), reader, this.#scanned, signal);
    } catch {
      if (signal.aborted) return; // turned off while it was turned on
      this.#turnOff();
      this.#say(text(SAID.camera_refused));
      return;
    }
    const cameras = await this.#camera.count();
    if (signal.aborted) return;
    this.#part("switch").hidden = cameras < 2;
    this.#part("torch").hidden = !this.#camera.hasTorch;
    this.#show(true);
    this.#say(text(SAID.camera_ready));
  }

  #turnOff(): void {
    this.#watching?.abort();
    this.#camera.stop();
    this.#part("switch").hidden = true;
    this.#part("torch").hidden = true;
    this.#part("torch").setAttribute("aria-pressed", "false");
    this.#show(false);
    this.#say("");
  }

  #show(isOn: boolean): void {
    void this.#lock.set(isOn);
    this.#part("view").hidden = !isOn;
    this.#part("camera").textContent = text(isOn ? SAID.camera_off : SAID.camera_on);
  }

  #say(words: string): void {
    this.#part("camera-says").textContent = words;
  }

  #press(name: string, act: () => Promise<void>): void {
    this.#part(name).addEventListener("click", () => void act());
  }

  #part<E extends HTMLElement = HTMLElement>(name: string): E {
    const found = this.#root.querySelector<E>(`[data-fr-${name}]`);
    if (!found) throw new TypeError(`the page has no ${name}`);
    return found;
  }
}
