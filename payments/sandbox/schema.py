"""The tables of the sandbox's ledger, and what a row of its payments says."""

from dataclasses import dataclass

TABLES = """
CREATE TABLE IF NOT EXISTS payments (
    payment_key TEXT PRIMARY KEY,
    order_id TEXT NOT NULL UNIQUE,
    order_name TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    success_url TEXT NOT NULL,
    fail_url TEXT NOT NULL,
    status TEXT NOT NULL,
    requested_at REAL NOT NULL,
    agreed_at REAL,
    captured_at REAL,
    capture_at REAL,
    failure_code TEXT,
    failure_message TEXT
);
CREATE TABLE IF NOT EXISTS cancels (
    transaction_key TEXT PRIMARY KEY,
    payment_key TEXT NOT NULL REFERENCES payments,
    amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    canceled_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS responses (
    call TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (call, idempotency_key)
);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due_at REAL,
    done_at REAL
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_open ON payments (status)
    WHERE status IN ('READY', 'IN_PROGRESS');
CREATE INDEX IF NOT EXISTS cancels_payment ON cancels (payment_key);
"""


@dataclass(frozen=True, slots=True)
class LedgerPayment:
    """A payment of the ledger; amounts in whole units of the currency, times in Unix seconds."""

    payment_key: str
    order_id: str
    order_name: str
    amount: int
    currency: str
    success_url: str
    fail_url: str
    status: str
    requested_at: float
    agreed_at: float | None
    captured_at: float | None
    capture_at: float | None
    failure_code: str | None
    failure_message: str | None


@dataclass(frozen=True, slots=True)
class LedgerCancel:
    """A refund of the ledger."""

    transaction_key: str
    payment_key: str
    amount: int
    reason: str
    canceled_at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that is due."""

    number: int
    event_id: str
    body: str
    tries: int


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What a request with an Idempotency-Key got."""

    request: str
    status: int
    body: str
