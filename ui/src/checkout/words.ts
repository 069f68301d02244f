/** The words of paying. */

import type { Words } from "../core/problem";

export const REFUSALS: Words = {
  reservation_expired: {
    ko: "좌석 결제 가능 시간이 지났습니다. 결제된 금액은 없습니다.",
    en: "The time to pay for these seats has passed. Nothing was charged.",
  },
  reservation_not_payable: {
    ko: "결제할 수 없는 상태의 예약입니다. 내 예매에서 확인해 주세요.",
    en: "This reservation cannot be paid for. Your own page shows its state.",
  },
  reservation_not_found: { ko: "예약을 찾을 수 없습니다.", en: "There is no such reservation." },
  insufficient_points: {
    ko: "포인트가 부족합니다. 충전하거나 카드로 결제해 주세요.",
    en: "There are not enough points. Charge some, or pay by card.",
  },
  payment_in_progress: {
    ko: "앞선 결제가 진행 중입니다. 다시 결제하지 마세요.",
    en: "A payment is under way already. Please do not pay again.",
  },
  payment_not_found: { ko: "결제를 찾을 수 없습니다.", en: "There is no such payment." },
  payment_method_unknown: {
    ko: "지원하지 않는 결제 수단입니다. 결제된 금액은 없습니다.",
    en: "There is no such method of payment. Nothing was charged.",
  },
  payment_key_invalid: {
    ko: "결제 정보가 이 주문과 맞지 않습니다. 결제된 금액은 없습니다.",
    en: "This payment does not belong to the order. Nothing was charged.",
  },
  points_amount_mismatch: {
    ko: "사용할 포인트를 다시 확인해 주세요.",
    en: "Please check how many points to use.",
  },
  gateway_unavailable: {
    ko: "지금은 카드로 결제할 수 없습니다. 결제된 금액은 없습니다. 포인트로 결제하거나 잠시 후 다시 시도해 주세요.",
    en: "Cards cannot be taken at the moment. Nothing was charged. Pay by points, or try again shortly.",
  },
  charging_unavailable: {
    ko: "지금은 포인트를 충전할 수 없습니다. 결제된 금액은 없습니다.",
    en: "Points cannot be charged at the moment. Nothing was paid.",
  },
  charge_not_found: { ko: "충전 내역을 찾을 수 없습니다.", en: "There is no such charge." },
  idempotency_in_progress: {
    ko: "결제를 처리하고 있습니다. 다시 누르지 마세요.",
    en: "The payment is being worked on. Please do not press again.",
  },
  idempotency_key_reused: {
    ko: "결제 내용이 바뀌었습니다. 화면을 새로고침한 뒤 다시 시도해 주세요.",
    en: "The payment has changed. Reload the page and try again.",
  },
  extension_limit: {
    ko: "더 이상 시간을 늘릴 수 없습니다.",
    en: "The time cannot be extended any further.",
  },
  reservation_not_pending: {
    ko: "이미 선점 상태가 아닌 예약입니다.",
    en: "This reservation is no longer a hold.",
  },
  performance_cancelled: {
    ko: "취소된 회차입니다. 결제된 금액은 없습니다.",
    en: "This performance is cancelled. Nothing was charged.",
  },
  offer_expired: {
    ko: "제안 기간이 끝났습니다. 결제한 금액은 환불됩니다.",
    en: "This offer is over. What was paid goes back to you.",
  },
  busy: {
    ko: "요청이 몰리고 있습니다. 결제된 금액은 없습니다. 잠시 후 다시 눌러 주세요.",
    en: "Too many requests right now. Nothing was charged. Press again in a moment.",
  },
};

/** Why a gateway took no money, by its code; all others are a decline. */
export const DECLINES: Words = {
  PAY_PROCESS_CANCELED: { ko: "결제를 취소했습니다.", en: "You closed the payment." },
  USER_CANCEL: { ko: "결제를 취소했습니다.", en: "You closed the payment." },
  declined: {
    ko: "카드사에서 승인하지 않았습니다. 다른 카드나 포인트로 결제해 주세요.",
    en: "The card was declined. Try another card, or pay by points.",
  },
};

export const SAID = {
  paying: { ko: "결제를 진행하고 있습니다…", en: "Working on your payment…" },
  processing: {
    ko: "결제를 확인하고 있습니다. 다시 결제하지 마세요. 확인되면 자동으로 넘어갑니다.",
    en: "Your payment is being confirmed. Please do not pay again: this page goes on by itself.",
  },
  not_charged: { ko: "결제된 금액은 없습니다.", en: "Nothing was charged." },
  back: { ko: "결제 화면으로 돌아가기", en: "Back to the checkout" },
  expired: {
    ko: "시간이 지나 좌석이 반환되었습니다. 결제된 금액은 없습니다.",
    en: "The time is over and the seats went back. Nothing was charged.",
  },
  again: { ko: "좌석 다시 선택", en: "Choose again" },
  more: {
    ko: "시간이 거의 끝나 갑니다. 더 필요하신가요?",
    en: "Your time is almost over. Do you need more?",
  },
  extend: { ko: "시간 늘리기", en: "More time" },
  no: { ko: "괜찮아요", en: "No, thank you" },
} as const;
