/** `<fr-area>`: the map on which staff drag a rectangle, which fills the fields of the form. */

import { SeatPicture } from "./map";

type Place = { readonly x: number; readonly y: number };

class Area extends HTMLElement {
  connectedCallback(): void {
    void this.begin().catch(() => undefined); // the fields do the same
  }

  private async begin(): Promise<void> {
    const data = JSON.parse(document.querySelector("#fr-data")?.textContent ?? "{}");
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    if (!canvas) return;
    const answer = await fetch(data.urls.map);
    if (!answer.ok) return;
    const seats = (await answer.json()) as [number, number, string][];
    const picture = new SeatPicture(canvas);
    if (!picture.place(seats.map(([x, y], index) => ({ x, y, index })))) return;
    picture.colour(seats.map(([, , letter]) => letter).join(""));
    this.hidden = false;
    this.listen(canvas, picture);
  }

  private listen(canvas: HTMLCanvasElement, picture: SeatPicture): void {
    let from: Place | undefined;
    canvas.addEventListener("pointerdown", (event) => {
      from = picture.at(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from) this.fill(from, picture.at(event));
      from = undefined;
    });
  }

  private fill(from: Place, to: Place): void {
    this.put("x_from", Math.min(from.x, to.x));
    this.put("x_to", Math.max(from.x, to.x));
    this.put("y_from", Math.min(from.y, to.y));
    this.put("y_to", Math.max(from.y, to.y));
  }

  private put(name: string, value: number): void {
    const field = document.querySelector<HTMLInputElement>(`#fr-area [name="${name}"]`);
    if (field) field.value = value.toFixed(2);
  }
}

/** Define the element. */
export function defineArea(): void {
  customElements.define("fr-area", Area);
}
