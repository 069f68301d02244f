/** The words of paying. */

import type { Words } from "../core/problem";
import { type Text, text } from "../core/text";

export const REFUSALS: Words = {
  reservation_expired: {
    ko: "좌석 결제 가능 시간이 지났습니다. 결제된 금액은 없습니다.",
    en: "The time to pay for these seats has passed. Nothing was charged.",
  },
  reservation_not_payable: {
    ko: "결제할 수 없는 상태의 예약입니다. 예매 내역에서 확인해 주세요.",
    en: "This reservation cannot be paid for. My tickets shows its state.",
  },
  reservation_not_found: { ko: "예약을 찾을 수 없습니다.", en: "There is no such reservation." },
  insufficient_points: {
    ko: "포인트가 부족합니다. 충전하거나 카드로 결제해 주세요.",
    en: "There are not enough points. Top up, or pay by card.",
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
    en: "Points cannot be topped up at the moment. Nothing was paid.",
  },
  charge_not_found: { ko: "충전 내역을 찾을 수 없습니다.", en: "There is no such top-up." },
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
  // A request without an answer may have been carried out: nobody is sent to pay a second time.
  internal_error: {
    ko: "오류가 발생했습니다. 이미 결제되었을 수 있으니 다시 결제하기 전에 예매 내역을 확인해 주세요.",
    en: "Something went wrong on our side. Look at My tickets before you pay again: the payment may have been made.",
  },
  unavailable: {
    ko: "지금은 서비스에 연결할 수 없습니다. 이미 결제되었을 수 있으니 다시 결제하기 전에 예매 내역을 확인해 주세요.",
    en: "The service cannot be reached at the moment. Look at My tickets before you pay again: the payment may have been made.",
  },
  timeout: {
    ko: "서버가 제시간에 응답하지 않았습니다. 이미 결제되었을 수 있으니 다시 결제하기 전에 예매 내역을 확인해 주세요.",
    en: "The server did not respond in time. Look at My tickets before you pay again: the payment may have been made.",
  },
  busy: {
    ko: "요청이 몰리고 있습니다. 결제된 금액은 없습니다. 잠시 후 다시 눌러 주세요.",
    en: "Too many requests right now. Nothing was charged. Press again in a moment.",
  },
};

/** Why there is no money, by the code of a gateway's page; those that are not here go by the API's words. */
export const CLOSED: Words = {
  PAY_PROCESS_CANCELED: { ko: "결제를 취소했습니다.", en: "You closed the payment." },
  USER_CANCEL: { ko: "결제를 취소했습니다.", en: "You closed the payment." },
};

interface KindWords {
  readonly declined: Text;
  readonly not_completed: Text;
  readonly processing: Text;
  readonly back: Text;
}

/** What is said otherwise of a payment for seats and of one for points. */
export const OF_KIND: Readonly<Record<"payment" | "charge", KindWords>> = {
  payment: {
    declined: {
      ko: "카드사에서 승인하지 않았습니다. 다른 카드나 포인트로 결제해 주세요.",
      en: "The card was declined. Try another card, or pay by points.",
    },
    not_completed: {
      ko: "결제가 완료되지 않았습니다. 다시 시도하거나 포인트로 결제해 주세요.",
      en: "The payment was not completed. Try again, or pay by points.",
    },
    processing: {
      ko: "결제를 확인하고 있습니다. 다시 결제하지 마세요. 확인되면 자동으로 넘어갑니다.",
      en: "Your payment is being confirmed. Please do not pay again: this page goes on by itself.",
    },
    back: { ko: "결제 화면으로 돌아가기", en: "Back to the checkout" },
  },
  charge: {
    declined: {
      ko: "카드사에서 승인하지 않았습니다. 다른 카드로 다시 충전해 주세요.",
      en: "The card was declined. Try another card.",
    },
    not_completed: {
      ko: "결제가 완료되지 않았습니다. 다시 충전해 주세요.",
      en: "The payment was not completed. Buy the points again.",
    },
    processing: {
      ko: "포인트 결제를 확인하고 있습니다. 다시 결제하지 마세요. 확인되면 자동으로 넘어갑니다.",
      en: "The payment for your points is being confirmed. Please do not pay again: this page goes on by itself.",
    },
    back: { ko: "포인트로 돌아가기", en: "Back to points" },
  },
};

export const SAID = {
  paying: { ko: "결제를 진행하고 있습니다…", en: "Working on your payment…" },
  not_charged: { ko: "결제된 금액은 없습니다.", en: "Nothing was charged." },
  not_paid: {
    ko: "아직 결제되지 않았습니다. 결제된 금액은 없습니다.",
    en: "Nothing has been paid yet, and nothing was charged.",
  },
  not_confirmed: {
    ko: "결제가 아직 확정되지 않았습니다. 아래 버튼을 눌러 다시 시도해 주세요.",
    en: "The payment is not complete yet. Press the button to try again.",
  },
  to_gateway: { ko: "결제 페이지로", en: "To the payment page" },
  over: {
    ko: "시간이 지나 좌석이 반환되었습니다.",
    en: "The time is over and the seats went back.",
  },
  again: { ko: "좌석 다시 선택", en: "Choose again" },
  log_in: { ko: "로그인", en: "Log in" },
  more: {
    ko: "시간이 거의 끝나 갑니다. 더 필요하신가요?",
    en: "Your time is almost over. Do you need more?",
  },
  extend: { ko: "시간 늘리기", en: "More time" },
  no: { ko: "괜찮습니다", en: "No, thank you" },
} as const;

/** Return what is said to who comes back from a gateway's page without having paid. */
export function returnedWords(left: string): string {
  return text({
    ko: `결제가 끝나지 않았습니다. 이어서 결제하거나 다른 방법을 선택할 수 있습니다. 남은 시간: ${left}`,
    en: `The payment was not finished. Go on with it, or choose another way to pay. Time left: ${left}`,
  });
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

/**
 * Return why there is no money. `came`: the code that the gateway's page sent back, which is the
 * reason of an attempt that was given up for it; all else the API explains.
 */
export function failureWords(
  kind: "payment" | "charge",
  failure: Failure | undefined,
  came?: string,
): string {
  const { declined, not_completed } = OF_KIND[kind];
  const isDeclined = came === "REJECT_CARD_COMPANY" || failure?.code === "declined";
  const nobodyPaid = failure === undefined || failure.code === "abandoned";
  if (failure && !isDeclined && !(came && nobodyPaid)) return failure.message;
  const reason = isDeclined ? declined : (CLOSED[came ?? ""] ?? not_completed);
  return `${text(reason)} ${text(SAID.not_charged)}`;
}
