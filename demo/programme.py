"""The programme of the demo: texts, halls, and when each sale opens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from concerts.layout.form import Layout
from demo import halls

_REFUND = (
    "관람 7일 전까지 전액 환불, 이후 10~30% 공제. 공연 당일 환불 불가.",
    "Free until seven days before; then 10 to 30 % is kept. No refund on the day.",
)
_NOTICES = ("공연 중 촬영은 금지됩니다.", "No photographs during the performance.")
MINUTES_TO_OPENING = 10


@dataclass(frozen=True, slots=True)
class Sale:
    """When a sale opens, counted from now (negative: it is open), and its limits."""

    opens_in: timedelta
    on_sale: bool = True
    max_seats_per_fan: int = 4
    queue_opens_in: timedelta | None = None
    rate_per_second: int = 50
    capacity: int = 1000


@dataclass(frozen=True, slots=True)
class DemoConcert:
    """One concert. Pairs are (Korean, English); `days`: its performances, in days from now."""

    title: tuple[str, str]
    artist: tuple[str, str]
    description: tuple[str, str]
    venue: tuple[str, str]
    address: tuple[str, str]
    layout: Callable[[], Layout]
    days: tuple[int, ...]
    sale: Sale
    age_rating: str = "8+"
    running_minutes: int = 120
    timezone: str = "Asia/Seoul"
    sold_out: bool = False
    opening_soon: bool = False
    notices: tuple[str, str] = field(default=_NOTICES)
    refund_policy: tuple[str, str] = field(default=_REFUND)


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

PROGRAMME = (
    DemoConcert(
        title=("한옥의 밤", "Hanok Nights"),
        artist=("달빛 오케스트라", "Moonlight Orchestra"),
        description=(
            "국악과 현대음악이 만나는 대형 콘서트. 5,000석, 대기열로 입장합니다.",
            "Korean court music meets a symphonic band: 5,000 seats behind a waiting room.",
        ),
        venue=("한강 아레나", "Hangang Arena"),
        address=("서울특별시 영등포구 여의동로 330", "330 Yeouidong-ro, Seoul"),
        layout=halls.arena,
        days=(45,),
        sale=Sale(-_HOUR, queue_opens_in=-2 * _HOUR),
    ),
    DemoConcert(
        title=("매진의 추억", "Every Seat Taken"),
        artist=("골목 사중주단", "Alley Quartet"),
        description=(
            "작은 클럽에서 열린 매진 공연입니다.",
            "An evening in a small club, sold to the last chair.",
        ),
        venue=("홍대 라이브클럽", "Hongdae Live Club"),
        address=("서울특별시 마포구 와우산로 100", "100 Wausan-ro, Seoul"),
        layout=halls.club,
        days=(20,),
        sale=Sale(-2 * _DAY, max_seats_per_fan=10),
        sold_out=True,
    ),
    DemoConcert(
        title=("카운트다운", "Countdown"),
        artist=("새벽 세시", "Three in the Morning"),
        description=(
            "시작 10분 후 예매가 열립니다. 지금 대기열에 들어갈 수 있습니다.",
            "The sale opens ten minutes after the demo was loaded; queue up now.",
        ),
        venue=("남산 극장", "Namsan Theatre"),
        address=("서울특별시 중구 장충단로 59", "59 Jangchungdan-ro, Seoul"),
        layout=halls.theatre,
        days=(30,),
        sale=Sale(
            timedelta(minutes=MINUTES_TO_OPENING),
            queue_opens_in=timedelta(0),
            rate_per_second=20,
            capacity=200,
        ),
        opening_soon=True,
    ),
    DemoConcert(
        title=("작은 음악회", "Chamber Evening"),
        artist=("봄 삼중주단", "Spring Trio"),
        description=(
            "대기열 없이 바로 예매할 수 있는 300석 실내악 공연입니다.",
            "Three hundred seats, no waiting room: choose and buy.",
        ),
        venue=("정동 리사이틀홀", "Jeongdong Recital Hall"),
        address=("서울특별시 중구 정동길 43", "43 Jeongdong-gil, Seoul"),
        layout=halls.recital_hall,
        days=(14,),
        sale=Sale(-_DAY),
        running_minutes=90,
    ),
    DemoConcert(
        title=("겨울 나그네", "Winter Journey"),
        artist=("서리 합창단", "Frost Choir"),
        description=(
            "이틀간의 공연. 예매는 2주 후에 시작됩니다.",
            "Two evenings; the sale opens in two weeks.",
        ),
        venue=("부산 오페라하우스", "Busan Opera House"),
        address=("부산광역시 동구 이순신대로 10", "10 Yi Sun-sin-daero, Busan"),
        layout=halls.opera_house,
        days=(70, 71),
        sale=Sale(14 * _DAY, queue_opens_in=14 * _DAY - _HOUR),
    ),
    DemoConcert(
        title=("여름 들판", "Summer Lawn"),
        artist=("바람개비", "Pinwheel"),
        description=(
            "도쿄 야외무대 공연. 예매 일정은 정해졌고 좌석은 아직 준비 중입니다.",
            "Open air in Tokyo; the window is set, the seats are not on sale yet.",
        ),
        venue=("요요기 야외무대", "Yoyogi Open Air"),
        address=("도쿄도 시부야구 진난 2-1", "2-1 Jinnan, Shibuya, Tokyo"),
        layout=halls.open_air,
        days=(120,),
        sale=Sale(30 * _DAY, on_sale=False),
        timezone="Asia/Tokyo",
    ),
)
