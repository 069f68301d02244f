"""The password hasher: Argon2id, a few hashes at a time."""

from threading import BoundedSemaphore

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

# Note [Hashes at once]
# A hash takes 19 MiB and a core while it runs, so more of them than cores only take memory: with a
# thread each, a flood of logins would take eight times that in every process. A thread waits here
# for a few hashes at most, since a process has few threads.
slots = BoundedSemaphore(settings.PASSWORD_HASHES_AT_ONCE)


class Argon2(Argon2PasswordHasher):
    """Argon2id at OWASP's minimum (19 MiB, 2 passes, 1 lane), few at a time.

    Django's default takes 100 MiB a hash: thirty logins at once would take 3 GiB.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with slots:
            return super().verify(password, encoded)
