/** Ways to notice the turn: title, icon, chime, vibration, notification, and a screen kept on. */

import { text } from "../core/text";

const TURN_TITLE = { ko: "입장할 차례입니다!", en: "It is your turn!" };
const NOTES = [659.25, 880, 1046.5]; // E5, A5, C6
const NOTE_SECONDS = 0.18;

export class Alerts {
  /** Whether the fan has switched the chime and the notification on, by pressing a button. */
  isOn = false;
  readonly #title = document.title;
  #sound: AudioContext | undefined;

  /** Switch on: browsers want the press of a button for sound and notifications. */
  async switchOn(): Promise<void> {
    this.isOn = true;
    this.#sound ??= new AudioContext();
    await this.#sound.resume();
    this.#chime();
    if ("Notification" in globalThis && Notification.permission === "default") {
      await Notification.requestPermission();
    }
  }

  switchOff(): void {
    this.isOn = false;
  }

  /** Say that it is the fan's turn. */
  turn(): void {
    document.title = `● ${text(TURN_TITLE)}`;
    if (!this.isOn) return;
    this.#chime();
    navigator.vibrate?.([200, 100, 200]);
    try {
      const options = { tag: "fr-turn", requireInteraction: true };
      if (Notification.permission === "granted") new Notification(text(TURN_TITLE), options);
    } catch {
      // Phones have notifications of service workers only.
    }
  }

  /** Show the page's own title, with what is short and worth seeing in a tab. */
  calm(short = ""): void {
    document.title = short ? `${short} · ${this.#title}` : this.#title;
  }

  #chime(): void {
    const sound = this.#sound;
    if (!sound) return;
    NOTES.forEach((frequency, nth) => {
      const tone = sound.createOscillator();
      const volume = sound.createGain();
      const at = sound.currentTime + nth * NOTE_SECONDS;
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.2, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS * 2);
      tone.connect(volume).connect(sound.destination);
      tone.start(at);
      tone.stop(at + NOTE_SECONDS * 2);
    });
  }
}
