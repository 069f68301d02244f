/** What d3-zoom takes of d3-transition (`alias` in build.mjs): nothing of ours moves by itself. */

import { selection } from "d3-selection";

/** There is no transition that could be under way. */
export function interrupt(): void {}

Object.assign(selection.prototype, {
  interrupt(this: unknown) {
    return this;
  },
});
