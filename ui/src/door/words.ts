/** What the door says. */

import type { Text } from "../core/text";
import type { Outcome } from "./gate";

/** How an answer looks and sounds. */
export type Tone = "good" | "warm" | "bad";

export const ANSWERS: Readonly<Record<Outcome, Text & { readonly tone: Tone }>> = {
  admitted: { tone: "good", ko: "입장", en: "Admit" },
  already_admitted: { tone: "warm", ko: "이미 입장", en: "Already in" },
  wrong_performance: { tone: "warm", ko: "다른 회차", en: "Other show" },
  doors_closed: { tone: "warm", ko: "입장 시간 아님", en: "Doors closed" },
  ticket_void: { tone: "bad", ko: "무효", en: "Void" },
  ticket_not_found: { tone: "bad", ko: "없는 티켓", en: "Unknown" },
  not_signed: { tone: "bad", ko: "위조 의심", en: "Not ours" },
  no_list: { tone: "warm", ko: "명단 없음", en: "No list yet" },
  type_code: { tone: "warm", ko: "번호 입력", en: "Type the code" },
};

export const SAID = {
  by_list: {
    ko: "네트워크 없이 명단으로 확인했습니다.",
    en: "Checked by the list, without the network.",
  },
  no_signature: {
    ko: "네트워크 없이는 서명된 QR 코드만 스캔으로 확인할 수 있습니다. 티켓 번호를 직접 입력하거나 책임자를 불러 주세요.",
    en: "Without the network only a signed QR code can be scanned. Type the ticket's code by hand, or call the supervisor.",
  },
  checks_no_signatures: {
    ko: "이 브라우저는 티켓의 서명을 확인할 수 없습니다. 브라우저를 업데이트해 주세요. 네트워크가 끊기면 번호를 직접 입력해야 합니다.",
    en: "This browser cannot check tickets' signatures: update it. Without a network, codes have to be typed.",
  },
  online: { ko: "온라인", en: "Online" },
  offline: {
    ko: "네트워크 없음: 명단으로 계속합니다.",
    en: "No network: going on by the list.",
  },
  no_list: {
    ko: "네트워크가 없고 명단도 없습니다. 네트워크에 연결해 주세요.",
    en: "No network, and no list yet. Connect this device.",
  },
  camera_on: { ko: "카메라 켜기", en: "Turn the camera on" },
  camera_off: { ko: "카메라 끄기", en: "Turn the camera off" },
  camera_ready: { ko: "티켓의 QR 코드를 비춰 주세요.", en: "Hold the ticket's QR code up." },
  camera_refused: {
    ko: "카메라를 사용할 수 없습니다. 브라우저의 카메라 권한을 확인하거나 번호를 입력해 주세요.",
    en: "The camera cannot be used. Allow it in the browser, or type the code.",
  },
  camera_ended: {
    ko: "기기가 카메라를 껐습니다. 다시 켜 주세요.",
    en: "The device has taken the camera. Turn it on again.",
  },
  undo: { ko: "입장 취소", en: "Undo" },
  undone: { ko: "취소했습니다. 다시 입장할 수 있습니다.", en: "Undone. The ticket admits again." },
  undone_here: {
    ko: "이 기기에서만 취소했습니다. 다른 게이트의 입장 기록은 그대로입니다.",
    en: "Undone on this device alone. A check-in at another gate stands.",
  },
  admit: { ko: "입장", en: "Admit" },
  found_none: { ko: "찾은 티켓이 없습니다.", en: "No ticket was found." },
  found_more: {
    ko: "더 있습니다. 더 자세히 입력해 주세요.",
    en: "There are more. Type more of it.",
  },
  found_by_list: {
    ko: "네트워크가 없어 이 기기의 명단에서 좌석과 이니셜로 찾았습니다.",
    en: "No network: found in this device's list by seat or initials.",
  },
  unsent: {
    ko: "아직 전송하지 못한 스캔이 있습니다. 네트워크에 연결된 뒤 로그아웃해 주세요.",
    en: "There are scans that have not been sent. Connect this device, then log out.",
  },
} satisfies Readonly<Record<string, Text>>;

export const STATUSES: Readonly<Record<string, Text>> = {
  VALID: { ko: "입장 전", en: "Not in yet" },
  USED: { ko: "입장함", en: "In" },
  VOID: { ko: "무효", en: "Void" },
};

/** Refusals of a search, which does not go on by itself. */
export const SEARCH_REFUSALS: Readonly<Record<string, Text>> = {
  rate_limited: {
    ko: "검색을 너무 자주 했습니다. 잠시 후 다시 찾아 주세요.",
    en: "That were too many searches. Wait a moment, then search again.",
  },
};

/** The refusals that the door has words of its own for. */
export const REFUSALS: Readonly<Record<string, Text>> = {
  not_authenticated: {
    ko: "로그인이 만료되었습니다. 스캔은 보관됩니다. 페이지를 새로 고쳐 다시 로그인해 주세요.",
    en: "Your login has ended. Scans are kept. Reload the page to log in again.",
  },
  deed_not_allowed: {
    ko: "이 계정에는 입장 처리 권한이 없습니다. 스캔은 보관됩니다.",
    en: "This account may not check tickets in. Scans are kept.",
  },
  door_open_elsewhere: {
    ko: "다른 탭에서 스캔 화면이 열려 있습니다. 그 탭을 닫고 새로 고쳐 주세요.",
    en: "Another tab has the scanner open. Close it and reload this page.",
  },
  door_keeps_nothing: {
    ko: "이 브라우저는 명단을 저장할 수 없어 스캔에 쓸 수 없습니다. 시크릿 창이 아닌지, 주소가 https인지 확인해 주세요.",
    en: "This browser cannot keep the list, so it cannot scan. Leave private browsing, and use https.",
  },
};
