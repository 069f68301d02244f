/** Where the loaded seats stand: by box, and the nearest one to a point. */

import Flatbush from "flatbush";
import { type Box, meets, type Point } from "./geometry";
import type { Hall } from "./hall";

export class SeatIndex {
  readonly #hall: Hall;
  readonly #trees: (Flatbush | undefined)[] = [];
  /** How many seats stand in it. */
  count = 0;

  constructor(hall: Hall) {
    this.#hall = hall;
    this.add(hall.sections.flatMap(({ isLoaded }, nth) => (isLoaded ? [nth] : [])));
  }

  /** Take in the seats of sections that are loaded now. */
  add(sections: readonly number[]): void {
    const { x, y } = this.#hall;
    for (const nth of sections) {
      const section = this.#hall.sections[nth];
      if (!section) continue;
      const tree = new Flatbush(section.count);
      for (let seat = section.first; seat < section.first + section.count; seat += 1) {
        tree.add(x[seat] ?? 0, y[seat] ?? 0);
      }
      tree.finish();
      this.count += section.count;
      this.#trees[nth] = tree;
    }
  }

  /** Return the seats in a box. */
  search(box: Box): number[] {
    const { left, top, right, bottom } = box;
    return this.#hall.sections.flatMap(({ first }, nth) => {
      const tree = this.#trees[nth];
      if (!tree || !meets(boxOf(tree), box)) return [];
      return tree.search(left, top, right, bottom).map((at) => first + at);
    });
  }

  /** Return the seat nearest to a point, at most `reach` from it. */
  nearest([x, y]: Point, reach: number): number | undefined {
    let best: number | undefined;
    let least = reach;
    this.#hall.sections.forEach(({ first }, nth) => {
      const [at] = this.#trees[nth]?.neighbors(x, y, 1, least) ?? [];
      if (at === undefined) return;
      const seat = first + at;
      const far = Math.hypot((this.#hall.x[seat] ?? 0) - x, (this.#hall.y[seat] ?? 0) - y);
      if (far <= least) [best, least] = [seat, far];
    });
    return best;
  }
}

function boxOf({ minX, minY, maxX, maxY }: Flatbush): Box {
  return { left: minX, top: minY, right: maxX, bottom: maxY };
}
