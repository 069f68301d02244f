"""How passwords are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id at OWASP's minimum (19 MiB, 2 passes, 1 lane).

    Django's default takes 100 MiB a hash: thirty logins at once would take 3 GiB.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
