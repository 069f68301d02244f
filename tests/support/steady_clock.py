"""A clock that moves only when a test moves it."""


class SteadyClock:
    """Stands for the module `time` where that asks for nothing but `monotonic`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now
