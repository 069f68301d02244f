/** The words of the waiting room: what is so, and what to do next. */

import type { Words } from "../core/problem";
import type { Text } from "../core/text";
import type { Screen } from "./screen";

export interface Said {
  readonly title: Text;
  readonly body: Text;
}

const STAY: Text = {
  ko: "새로고침하거나 연결이 끊겨도 순번은 유지됩니다.",
  en: "You may reload or lose the network: your place stays.",
};

export const SCREENS: Readonly<Record<Screen, Said>> = {
  joining: {
    title: { ko: "대기열에 참여하는 중입니다", en: "Joining the waiting room" },
    body: { ko: "잠시만 기다려 주세요.", en: "One moment, please." },
  },
  not_open: {
    title: { ko: "아직 대기열이 열리지 않았습니다", en: "The waiting room is not open yet" },
    body: {
      ko: "이 화면을 열어 두면 열리는 즉시 자동으로 참여합니다. 먼저 온 순서는 상관없습니다.",
      en: "Keep this page open: you join by yourself when it opens. Coming first is no advantage.",
    },
  },
  login: {
    title: { ko: "로그인이 필요합니다", en: "Please log in" },
    body: {
      ko: "순번은 계정에 부여됩니다. 로그인하면 이 화면으로 돌아옵니다.",
      en: "A place belongs to an account. You come back to this page after logging in.",
    },
  },
  slow_down: {
    title: { ko: "요청이 많습니다", en: "Many requests at once" },
    body: {
      ko: "잠시 후 자동으로 다시 시도합니다. 누르지 않아도 됩니다.",
      en: "The page tries again by itself in a moment. You need not press anything.",
    },
  },
  challenge: {
    title: { ko: "보안 확인이 필요합니다", en: "A security check is needed" },
    body: {
      ko: "자동 프로그램을 막기 위한 확인입니다. 몇 초 정도 걸립니다.",
      en: "It keeps programs out of the line, and takes some seconds.",
    },
  },
  invitation: {
    title: { ko: "초대 코드를 사용할 수 없습니다", en: "This invitation cannot be used" },
    body: {
      ko: "코드를 다시 확인하거나 초대 코드 없이 참여하세요.",
      en: "Check the code, or join without an invitation.",
    },
  },
  presale: {
    title: { ko: "순번이 정해졌습니다", en: "Your number has been drawn" },
    body: {
      ko: "오픈 전에는 추첨으로 순번이 정해지며, 먼저 와도 유리하지 않습니다. 오픈하면 번호 순서대로 입장합니다.",
      en: "Before the opening numbers are drawn, so coming first is no advantage. Then people enter in the order of their numbers.",
    },
  },
  waiting: { title: { ko: "대기 중입니다", en: "You are in line" }, body: STAY },
  near: {
    title: { ko: "곧 차례입니다", en: "Almost your turn" },
    body: {
      ko: "화면을 켜 두세요. 차례가 되면 알려 드립니다.",
      en: "Keep the screen on: this page says when it is your turn.",
    },
  },
  admitted: {
    title: { ko: "입장할 차례입니다", en: "It is your turn" },
    body: {
      ko: "남은 시간 안에 입장해 좌석을 선택하세요.",
      en: "Enter and choose your seats within the time that is left.",
    },
  },
  expired: {
    title: { ko: "입장 시간이 지났습니다", en: "Your turn has passed" },
    body: {
      ko: "다시 참여하면 맨 뒤의 새 번호를 받습니다.",
      en: "You may join again, with a new number at the end.",
    },
  },
  left: {
    title: { ko: "대기열에서 나왔습니다", en: "You left the line" },
    body: {
      ko: "다시 참여하면 맨 뒤의 새 번호를 받습니다.",
      en: "You may join again, with a new number at the end.",
    },
  },
  finished: {
    title: { ko: "예매를 마쳤습니다", en: "You have bought your seats" },
    body: { ko: "티켓은 예매 내역에서 볼 수 있습니다.", en: "Your tickets are at My tickets." },
  },
  paused: {
    title: { ko: "입장이 잠시 멈췄습니다", en: "Admission is paused" },
    body: {
      ko: "순번은 그대로입니다. 다시 시작되면 자동으로 이어집니다.",
      en: "Your place is kept. It goes on by itself as soon as admission does.",
    },
  },
  draining: {
    title: {
      ko: "대기열이 마감되어 남은 순번만 입장합니다",
      en: "Nobody new may join; you keep your place",
    },
    body: STAY,
  },
  closed: {
    title: { ko: "대기열이 마감되었습니다", en: "The waiting room is closed" },
    body: {
      ko: "더 이상 입장할 수 없습니다. 공연 화면에서 다른 회차를 확인해 보세요.",
      en: "Nobody is admitted any more. Other dates are on the concert's page.",
    },
  },
  not_required: {
    title: { ko: "대기 없이 바로 예매할 수 있습니다", en: "No waiting here" },
    body: { ko: "좌석을 선택해 주세요.", en: "Go straight to the seats." },
  },
  sold_out: {
    title: { ko: "지금은 남은 좌석이 없습니다", en: "No seat is left at the moment" },
    body: {
      ko: "결제하지 않은 좌석이 다시 나올 수 있습니다. 순번은 유지됩니다.",
      en: "Seats that nobody pays for come back. Your place stays.",
    },
  },
  unavailable: {
    title: {
      ko: "대기열에 잠시 연결할 수 없습니다",
      en: "The waiting room is briefly unavailable",
    },
    body: {
      ko: "순번은 안전합니다. 자동으로 다시 연결합니다.",
      en: "Your place is safe. The page connects again by itself.",
    },
  },
  offline: {
    title: { ko: "인터넷에 연결되어 있지 않습니다", en: "You are offline" },
    body: {
      ko: "순번은 서버에 그대로 있습니다. 연결되면 바로 이어집니다.",
      en: "Your place is safe on the server. This goes on as soon as you are back.",
    },
  },
  refused: {
    title: { ko: "대기열에 참여할 수 없습니다", en: "You cannot join" },
    body: { ko: "아래 안내를 확인해 주세요.", en: "Please see what helps below." },
  },
};

/** What helps where the waiting room refuses. */
export const REFUSALS: Words = {
  queue_not_open: SCREENS.not_open.body,
  queue_closed: SCREENS.closed.body,
  queue_not_required: SCREENS.not_required.body,
  queue_paused: SCREENS.paused.body,
  queue_unavailable: SCREENS.unavailable.body,
  challenge_required: SCREENS.challenge.body,
  challenge_failed: {
    ko: "보안 확인에 실패했습니다. 다시 확인합니다.",
    en: "The answer was not accepted. There is a new check.",
  },
  invitation_invalid: {
    ko: "이 회차에서 사용할 수 없는 초대 코드입니다.",
    en: "This invitation is not valid for this performance.",
  },
  invitation_used_up: {
    ko: "이미 모두 사용된 초대 코드입니다.",
    en: "This invitation has been used up.",
  },
  too_many_accounts: {
    ko: "같은 네트워크에서 참여한 사람이 너무 많습니다. 모바일 데이터 등 다른 네트워크로 바꿔 다시 시도해 주세요.",
    en: "Too many people have joined from your network. Try again from another one, such as mobile data.",
  },
  queue_token_invalid: {
    ko: "저장된 순번을 확인할 수 없어 다시 참여합니다.",
    en: "The place that was kept is not valid here; the page joins again.",
  },
  queue_token_required: {
    ko: "먼저 대기열에 참여해야 합니다.",
    en: "Join the waiting room first.",
  },
  draw_not_over: {
    ko: "추첨 결과는 입장이 시작된 뒤 공개됩니다.",
    en: "The draw is made public once people have been admitted.",
  },
};
