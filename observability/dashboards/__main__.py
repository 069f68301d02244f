"""Write or check json/, one file a dashboard; run by observability/sdk.py, which brings the SDK."""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from observability.dashboards import api, events, on_sale, postgresql, release, valkey, workers

FOLDER = Path(__file__).with_name("json")
PAGES = (on_sale, api, postgresql, valkey, events, workers, release)


def main(mode: str) -> int:
    """Return the exit code: 1 where a file is not as it would be written, with `check`."""
    wanted = {}
    for module in PAGES:
        made = module.build().build()
        wanted[f"{made.uid}.json"] = JSONEncoder(indent=1, ensure_ascii=False).encode(made) + "\n"
    there = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    drifted = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    if mode == "check":
        if drifted:
            print(f"run `make dashboards`: {', '.join(drifted)} drifted", file=sys.stderr)
        return 1 if drifted else 0
    FOLDER.mkdir(exist_ok=True)
    for name in drifted:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name])
        else:
            (FOLDER / name).unlink()
        print(f"dashboards: wrote observability/dashboards/json/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
