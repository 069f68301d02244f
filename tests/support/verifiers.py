"""The verifiers of docs/, as an outsider runs them."""

import importlib.util
from pathlib import Path
from types import ModuleType

from django.conf import settings


def verifier(name: str) -> ModuleType:
    """Return the module docs/verify_<name>.py."""
    place = Path(settings.BASE_DIR) / "docs" / f"verify_{name}.py"
    spec = importlib.util.spec_from_file_location(place.stem, place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
