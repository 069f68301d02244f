/** The words of the seat map for refusals of a hold. */

import type { Words } from "../core/problem";

export const REFUSALS: Words = {
  seat_taken: {
    ko: "방금 다른 사람이 선택한 좌석이 있습니다.",
    en: "Somebody has just taken a seat of these.",
  },
  orphan_seat: {
    ko: "한 자리만 남게 됩니다. 점선으로 표시된 좌석을 함께 고르거나 옆으로 옮겨 주세요.",
    en: "This would leave a single seat alone (dashed on the map). Take it too, or move along.",
  },
  seat_limit_exceeded: {
    ko: "1인당 구매할 수 있는 좌석 수를 넘었습니다.",
    en: "That is more seats than one person may have.",
  },
  hold_backoff: {
    ko: "선점한 좌석을 여러 번 결제하지 않아 잠시 기다려야 합니다.",
    en: "Several holds of yours ran out, so there is a short wait before the next one.",
  },
  busy: {
    ko: "요청이 몰리고 있습니다. 잠시 후 다시 눌러 주세요. 선택한 좌석은 그대로입니다.",
    en: "Too many people want the same thing. Press again in a moment: your choice stays.",
  },
  sale_paused: {
    ko: "판매가 일시 중지되었습니다. 다시 시작되면 이 화면에서 이어서 예매할 수 있습니다.",
    en: "The sale is paused. You can go on here once it is resumed.",
  },
  sale_not_open: { ko: "아직 판매가 시작되지 않았습니다.", en: "The sale has not opened yet." },
  sale_closed: { ko: "판매가 종료되었습니다.", en: "The sale is over." },
  performance_cancelled: { ko: "취소된 회차입니다.", en: "This performance is cancelled." },
  no_seats_match: {
    ko: "조건에 맞는 빈 좌석이 없습니다. 좌석이 남은 다른 등급을 골라 보세요.",
    en: "There are no free seats like that. These grades still have some:",
  },
  seat_not_found: {
    ko: "좌석 배치가 바뀌어 새로 불러왔습니다. 다시 선택해 주세요.",
    en: "The seat map has changed and was loaded again. Please choose once more.",
  },
  grade_not_found: {
    ko: "해당 등급을 찾을 수 없습니다. 좌석 배치도를 새로 불러왔습니다.",
    en: "There is no such grade. The seat map was loaded again.",
  },
  selection_invalid: {
    ko: "좌석을 하나 이상, 허용된 수 이하로 선택해 주세요.",
    en: "Choose at least one seat, and not too many.",
  },
  queue_token_required: {
    ko: "대기열을 먼저 거쳐야 합니다.",
    en: "This performance has a waiting room: please go there first.",
  },
  queue_token_invalid: {
    ko: "입장 정보를 확인할 수 없습니다. 대기열에서 다시 입장해 주세요.",
    en: "Your admission is not valid here. Please enter through the waiting room again.",
  },
  queue_not_admitted: {
    ko: "입장 시간이 끝났거나 아직 차례가 아닙니다. 대기열에서 순번을 확인해 주세요.",
    en: "Your time inside is over, or it is not your turn yet. The waiting room shows your place.",
  },
  queue_unavailable: {
    ko: "대기열을 잠시 이용할 수 없습니다. 다시 시도해 주세요. 선택한 좌석은 그대로입니다.",
    en: "The waiting room is briefly unavailable. Please try again: your choice stays.",
  },
  idempotency_in_progress: {
    ko: "앞선 요청을 처리하고 있습니다. 잠시만 기다려 주세요.",
    en: "Your first press is still being worked on. One moment, please.",
  },
  payment_in_progress: {
    ko: "결제가 진행 중이어서 좌석을 반환할 수 없습니다. 결제 화면에서 확인해 주세요.",
    en: "A payment is under way, so the seats cannot be given back. See the checkout.",
  },
  reservation_not_pending: {
    ko: "이미 선점 상태가 아닌 예약입니다.",
    en: "This reservation is no longer a hold.",
  },
  reservation_not_found: { ko: "예약을 찾을 수 없습니다.", en: "There is no such reservation." },
};

/** Codes after which only the waiting room helps. */
export const BACK_TO_QUEUE: ReadonlySet<string> = new Set([
  "queue_token_required",
  "queue_token_invalid",
  "queue_not_admitted",
]);
/** Codes after which the map is read again. */
export const STALE_MAP: ReadonlySet<string> = new Set(["seat_not_found", "grade_not_found"]);
