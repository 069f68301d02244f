/** The camera of the device: on and off, its torch, another one. */

interface Lit extends MediaTrackCapabilities {
  readonly torch?: boolean;
  readonly focusMode?: readonly string[];
}

export class DoorCamera {
  readonly #video: HTMLVideoElement;
  readonly #ended: () => void;
  #stream: MediaStream | undefined;
  #isLit = false;
  /** Counts what was asked for: a camera that comes up after something else was is not wanted. */
  #turn = 0;

  /** `ended` is called where the device takes the camera, for a call or another app. */
  constructor(video: HTMLVideoElement, ended: () => void) {
    this.#video = video;
    this.#ended = ended;
  }

  get isOn(): boolean {
    return this.#stream !== undefined;
  }

  get isLit(): boolean {
    return this.#isLit;
  }

  get hasTorch(): boolean {
    return this.#capabilities.torch === true;
  }

  /**
   * Turn a camera on, by default the one that looks at what people hold up. Rejects as browsers do;
   * where it is stopped or another is started meanwhile, this one stays off.
   */
  async start(deviceId?: string): Promise<void> {
    this.stop();
    const turn = this.#turn;
    const which = deviceId
      ? { deviceId: { exact: deviceId } }
      : { facingMode: { ideal: "environment" } };
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...which, ...size } });
    if (turn !== this.#turn) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.#stream = stream;
    this.#track?.addEventListener("ended", this.#ended);
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    if (this.#capabilities.focusMode?.includes("continuous")) {
      await this.#apply({ focusMode: "continuous" });
    }
  }

  stop(): void {
    this.#turn += 1;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
    this.#stream = undefined;
    this.#isLit = false;
  }

  async light(isLit: boolean): Promise<void> {
    if (await this.#apply({ torch: isLit })) this.#isLit = isLit;
  }

  /** Return how many cameras there are. */
  async count(): Promise<number> {
    return (await cameras()).length;
  }

  /** Turn the next camera on. */
  async next(): Promise<void> {
    const turn = this.#turn;
    const all = await cameras();
    if (turn !== this.#turn) return;
    const current = this.#track?.getSettings().deviceId;
    const nth = all.findIndex((one) => one.deviceId === current);
    await this.start(all[(nth + 1) % all.length]?.deviceId);
  }

  get #track(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  get #capabilities(): Lit {
    return (this.#track?.getCapabilities?.() ?? {}) as Lit;
  }

  async #apply(wish: Record<string, unknown>): Promise<boolean> {
    try {
      await this.#track?.applyConstraints({ advanced: [wish] } as MediaTrackConstraints);
      return true;
    } catch {
      return false; // the camera says that it can, and cannot
    }
  }
}

async function cameras(): Promise<MediaDeviceInfo[]> {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((one) => one.kind === "videoinput");
}
