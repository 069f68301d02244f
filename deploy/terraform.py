"""Check Terraform without an account: `.venv/bin/python -m deploy.terraform [MODULE...]`.

For every module (or those that are named): its layout, its types, and `terraform test` with a
mocked provider. The provider comes from a mirror on this machine, where there is one, else from
where Terraform itself looks; the configuration that says so is written here, into the data folder.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.tools.build import ROOT, NoTool, data_folder

TERRAFORM = ROOT / "terraform"
_PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")
# Where extra software usually keeps plugins; TF_PLUGIN_MIRROR comes first.
_USUAL = (
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/terraform/plugins",
    "/opt/tf-plugins",
)


def modules(root: Path = TERRAFORM) -> list[str]:
    """Return the names of the modules."""
    return sorted(path.parent.name for path in root.glob("modules/*/main.tf"))


def mirror() -> Path | None:
    """Return a folder that has the provider unpacked; None where there is none."""
    named = os.environ.get("TF_PLUGIN_MIRROR")
    for folder in (*([named] if named else []), *_USUAL):
        if list(Path(folder, _PROVIDER).glob("*/*/terraform-provider-aws*")):
            return Path(folder)
    return None


def environment(*, by_lock: bool = False) -> dict[str, str]:
    """Return the variables that Terraform is run with: its configuration and where it keeps things.

    With a mirror its provider is used as it is; `by_lock` installs and compares it by the lock
    file instead, which reads all 700 MB of it. Terraform's own configuration, where there is one,
    is left to decide. Raises NoTool where there is no Terraform.
    """
    if shutil.which("terraform") is None:
        raise NoTool("no `terraform` is found: 1.11 or newer is needed")
    variables = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    own = os.environ.get("TF_CLI_CONFIG_FILE")
    found = mirror()
    if found is None or (own and Path(own).is_file() and by_lock):
        return variables
    data = data_folder() / "terraform"
    data.mkdir(parents=True, exist_ok=True)
    file = data / ("mirror.tfrc" if by_lock else "overrides.tfrc")
    file.write_text(_by_mirror(found) if by_lock else _by_override(found))
    return {**variables, "TF_CLI_CONFIG_FILE": str(file)}


def _by_mirror(folder: Path) -> str:
    return f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder}"\n  }}\n}}\n'


def _by_override(folder: Path) -> str:
    [*programs] = sorted(Path(folder, _PROVIDER).glob("*/*/terraform-provider-aws*"))
    place = programs[-1].parent
    return (
        "provider_installation {\n  dev_overrides {\n"
        f'    "hashicorp/aws" = "{place}"\n  }}\n  direct {{}}\n}}\n'
    )


def terraform(
    folder: Path, *words: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a folder, as patiently as its caller; keep its output. Raises NoTool."""
    chosen = {**environment(), **(variables or {})}
    command = ["terraform", *words]
    return subprocess.run(
        command, cwd=folder, env=chosen, capture_output=True, text=True, check=False
    )


def ready(folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """Bring in what a folder calls, and the provider where no mirror has it. Raises NoTool."""
    words = ["init", "-backend=false", "-input=false"] if mirror() is None else ["get"]
    done = terraform(folder, *words, variables=variables)
    if done.returncode != 0:
        raise NoTool(f"terraform {words[0]} in {folder.name}: {_said_by(done)}")


def checked(folder: Path, data: Path) -> str:
    """Return what `terraform test` finds in a module; empty where all passes. Raises NoTool."""
    variables = {"TF_DATA_DIR": str(data)}
    ready(folder, variables)
    done = terraform(folder, "test", "-no-color", variables=variables)
    return "" if done.returncode == 0 else _said_by(done)


def _said_by(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip()


def _steps(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what each step is and what it found."""
    done = terraform(TERRAFORM, "fmt", "-check", "-recursive", "-diff")
    yield "layout", "" if done.returncode == 0 else _said_by(done)
    data = data_folder() / "terraform"
    # A test waits for one core while the provider starts: two at a time take both.
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = pool.map(lambda name: checked(TERRAFORM / "modules" / name, data / name), names)
        yield from zip(names, found, strict=True)


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Print a line for each step; 0: all is well, 1: something was found, 2: no Terraform."""
    known = modules()
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        print(f"terraform: no module {unknown[0]}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    failed = False
    try:
        for name, found in _steps(arguments or known):
            failed = failed or bool(found)
            print(f"terraform: {name}: {'FAILED' if found else 'ok'}", flush=True)
            if found:
                print(found)
    except NoTool as problem:
        print(f"terraform: {problem}", file=sys.stderr)
        return 2
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
