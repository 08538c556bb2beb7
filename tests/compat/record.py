"""Record the documents of a real Docker Engine, to which wherry's are compared.

    python -m tests.compat.record unix:///var/run/docker.sock

Run as root in the repository's folder. What belongs to the recording machine alone is left out.
"""

import json
import sys

from tests.compat.documents import RECORDED_DIR, collect, flatten
from tests.support.engine import Engine
from tests.support.host import ThisMachine


def main() -> None:
    engine = Engine(sys.argv[1], ThisMachine())
    engine.make_image()
    RECORDED_DIR.mkdir(exist_ok=True)
    for name, document in collect(engine).items():
        flat = flatten(name, document)
        path = RECORDED_DIR / f"{name}.json"
        path.write_text(json.dumps(flat, indent=1, ensure_ascii=False) + "\n")
        print(f"{path.name}: {len(flat)} values")


if __name__ == "__main__":
    main()
