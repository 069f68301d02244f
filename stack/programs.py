"""The programs that don't come with the virtualenv: found on the machine, or fetched."""

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from stack import debian, gateway, kafka, observers
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.postgres import patroni
from stack.process import Tools
from stack.profiles import PLAIN, Profile


@dataclass(frozen=True)
class Programs:
    """Where the programs that may be missing are, or why they can't be had."""

    kafka_jars: Path | StackError
    nginx: Path | StackError
    # Of the profile `ha` alone, which needs them: it does without neither.
    etcd: Path | None = None
    members: patroni.PatroniProgram | None = None
    # Of an observed stack, by the program's name.
    observers: Mapping[str, Path | StackError] = field(default_factory=dict)


Found = TypeVar("Found")


def find_programs(data_dir: DataDir, tools: Tools, profile: Profile = PLAIN) -> Programs:
    """Find or fetch, all at a time, what doesn't come with the virtualenv.

    Raises StackError where the profile can't be had.
    """

    def attempt(find: Callable[[], Found]) -> Found | StackError:
        try:
            return find()
        except StackError as error:
            return error

    def kafka_jars() -> Path:
        kafka.java()
        return kafka.jars(data_dir.downloads, tools)

    def etcd_program() -> Path:
        found = shutil.which("etcd")
        if found:
            return Path(found)
        return debian.program(
            "etcd-server", "usr/bin/etcd", data_dir.downloads, tools, folder="etcd"
        )

    with ThreadPoolExecutor(4) as pool:
        jars = pool.submit(attempt, kafka_jars)
        nginx = pool.submit(attempt, lambda: gateway.nginx(data_dir.downloads, tools))
        wanted = observers.AT_WORK if profile.is_observed else ()
        observing = {
            one.program: pool.submit(attempt, partial(one.path, data_dir.downloads, tools))
            for one in wanted
        }
        etcd = members = None
        if profile.replaces("primary"):
            found = pool.submit(etcd_program)
            members = patroni.program(data_dir.home, data_dir.os_user, tools)
            etcd = found.result()
        observed = {name: one.result() for name, one in observing.items()}
        return Programs(jars.result(), nginx.result(), etcd, members, observed)
