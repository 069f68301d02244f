"""Remove one guard at a time and see whether a test notices: `python -m tests.mutants --help`.

Exit codes: 0 at most 5 % survive, 1 more do (or one is not explained), 2 unusable arguments,
3 stopped before the end (run it again: it goes on).
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

from tests.mutants import discovery, report
from tests.mutants.mutation import Mutant
from tests.mutants.survey import FAILED, TIMES, Survey
from tests.mutants.worker import Result, Verdict, Worker, copy_tree, run_pytest

ROOT = Path(__file__).resolve().parents[2]
EXPLAINED = Path(__file__).with_name("survivors.toml")
_MOST_PERCENT = 5.0
_MOST_FAILED = 5  # tests that a survey may leave out, as on a machine too busy for their patience
_TESTS = ("tests/unit", "tests/api", "tests/integration", "tests/concurrency")


def main() -> int:
    """Run what the arguments ask for; return the exit code."""
    arguments = _arguments()
    data = Path(arguments.data).resolve()
    (data / "survey").mkdir(parents=True, exist_ok=True)
    if arguments.survey or not (data / "survey" / TIMES).exists():
        _survey(data, arguments.tests)
    # The survey saw the copy; results are about the copies too, so all of them are of one moment.
    copied = data / "survey" / "tree"
    survey = Survey(data / "survey", copied)
    mutants = [*discovery.in_files(copied), *discovery.in_databases(survey.constraints)]
    if arguments.only:
        mutants = [mutant for mutant in mutants if mutant.path.startswith(arguments.only)]
    mutants = discovery.sample(mutants, size=arguments.sample, seed=arguments.seed)
    results = _read(data / "results.jsonl", again=arguments.again)
    if arguments.list:
        print("\n".join(f"{mutant.id} {mutant.describe()}" for mutant in mutants))
        return 0
    finished = _try_all(mutants, results, survey, copied, data, arguments)
    return _tell(mutants, results, arguments) if finished else 3


def _survey(data: Path, tests: list[str]) -> None:
    """Run the tests once, unchanged, under coverage."""
    print(f"mutants: looking which test runs which line ({' '.join(tests)})", file=sys.stderr)
    folder = data / "survey"
    copy_tree(ROOT, folder / "tree")
    code = run_pytest(
        ["-q", "-p", "no:cacheprovider", *tests],
        tree=folder / "tree",
        environment={"MUTANTS_SURVEY": str(folder)},
        log=folder / "pytest.log",
        seconds=3 * 3600,
    )
    failed = json.loads((folder / FAILED).read_text()) if (folder / FAILED).exists() else []
    if code not in (0, 1) or len(failed) > _MOST_FAILED:
        (folder / TIMES).unlink(missing_ok=True)
        sys.exit(f"mutants: the unchanged product fails its tests: {folder / 'pytest.log'}")
    for name in failed:
        print(f"mutants: left out, it fails without a mutant: {name}", file=sys.stderr)


def _try_all(
    mutants: list[Mutant],
    results: dict[str, Result],
    survey: Survey,
    copied: Path,
    data: Path,
    arguments: argparse.Namespace,
) -> bool:
    """Try what has no result yet; say whether everything has one now."""
    waiting = [mutant for mutant in mutants if mutant.id not in results]
    free: SimpleQueue[Worker] = SimpleQueue()
    for number in range(min(arguments.workers, max(1, len(waiting)))):
        folder = data / f"worker-{number}"
        folder.mkdir(exist_ok=True)
        worker = Worker(folder=folder, surveyed=copied, survey=survey, budget=arguments.budget)
        worker.prepare()
        free.put(worker)
    writing = Lock()

    def one(mutant: Mutant) -> None:
        worker = free.get()
        try:
            result = worker.try_mutant(mutant)
        finally:
            free.put(worker)
        with writing, (data / "results.jsonl").open("a") as file:
            file.write(result.as_json() + "\n")
            results[mutant.id] = result
            done = sum(m.id in results for m in mutants)
            print(
                f"{done}/{len(mutants)} {result.verdict:9} {result.seconds:5.1f} s "
                f"{mutant.describe()[:150]}",
                file=sys.stderr,
                flush=True,
            )

    with ThreadPoolExecutor(arguments.workers) as pool:
        try:
            for future in as_completed([pool.submit(one, mutant) for mutant in waiting]):
                future.result()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            return False
    return True


def _read(path: Path, *, again: str) -> dict[str, Result]:
    """Return the results so far, without those that are to be found again."""
    if not path.exists() or again == "all":
        path.unlink(missing_ok=True)
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = {row["id"]: Result(**{**row, "verdict": Verdict(row["verdict"])}) for row in rows}
    if again == "survivors":
        return {k: r for k, r in found.items() if r.verdict is Verdict.KILLED}
    return found


def _tell(mutants: list[Mutant], results: dict[str, Result], arguments: argparse.Namespace) -> int:
    """Print counts and survivors; return the exit code."""
    reasons = report.explanations(EXPLAINED)
    counts = report.summary(mutants, results)
    alive = report.survivors(mutants, results)
    if arguments.json:
        rows = [
            {"id": m.id, "mutant": m.describe(), "tests": r.tests, "left_out": r.left_out}
            for m, r in alive
        ]
        print(json.dumps({**counts, "survivors": rows}, ensure_ascii=False))
    else:
        print(report.markdown(mutants, results, reasons))
        print(", ".join(f"{name} {count}" for name, count in counts.items()))
    unexplained = [m for m, _ in alive if m.id not in reasons]
    return int((counts["survived_percent"] or 0) > _MOST_PERCENT or bool(unexplained))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many; 0: all (200)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--only", default="", metavar="PATH", help="mutants below this path")
    parser.add_argument("--list", action="store_true", help="name them, try none")
    parser.add_argument("--survey", action="store_true", help="look again which test runs what")
    parser.add_argument("--tests", nargs="+", default=_TESTS, help="of the survey (all on servers)")
    parser.add_argument(
        "--again", choices=["all", "survivors"], default="", help="forget these results first"
    )
    parser.add_argument("--workers", type=int, default=2, help="side by side (2)")
    parser.add_argument("--budget", type=float, default=60, help="seconds of tests a mutant (60)")
    parser.add_argument("--data", default=".data/mutants", help="where results are kept")
    parser.add_argument("--json", action="store_true", help="the result for a machine")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
