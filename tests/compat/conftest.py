"""Black box: whatever answers on the socket is asked through stock clients only."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import Engine


@pytest.fixture
def shared_dir(engine: Engine) -> Iterator[Path]:
    """A folder that the engine can bind; `engine.seen_by_engine(path)` is its name there."""
    here = os.environ.get("WHERRY_COMPAT_SHARE", "").partition(":")[0] or None
    with tempfile.TemporaryDirectory(prefix="compat-", dir=here) as made:
        path = Path(made)
        path.chmod(0o755)
        yield path
