/** The functions without a page, for tests/browser: `import(...)` of dist-tests/pure.js. */

export { lookAfter } from "../checkout/settle";
export { marksBetween } from "../checkout/timer";
export { REFUSALS as CHECKOUT_WORDS } from "../checkout/words";
export { encoded, fetchInTime, jittered } from "../core/api";
export { ServerClock } from "../core/clock";
export { minutesAndSeconds, money, remaining } from "../core/format";
export { crc32 } from "../core/live";
export { COMMON_CODES, Problem, wordsOf } from "../core/problem";
export * from "../queue/draw";
export * from "../queue/pacing";
export * from "../queue/progress";
export * from "../queue/screen";
export { holderOf } from "../queue/store";
export { REFUSALS as QUEUE_WORDS } from "../queue/words";
export * from "../seats/blocks";
export { Camera } from "../seats/camera";
export * from "../seats/choice";
export * from "../seats/geometry";
export { seatAfterKey, sectionBeforeKey } from "../seats/grid";
export * from "../seats/hall";
export { wantedIn } from "../seats/loader";
export * from "../seats/statuses";
export * from "../seats/steps";
export { Surface } from "../seats/surface";
export { REFUSALS as SEATS_WORDS } from "../seats/words";
export { leadingZeroBits } from "../worker/work";
