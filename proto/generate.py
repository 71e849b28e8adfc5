"""Writes the package's protobuf code from the .proto files in `src` (`make proto`).

Usage: python proto/generate.py [DIRECTORY]    (default: src)

The files lie below their import path, so that their descriptors carry names of ours and load beside the
vendor's generated code in one process. grpcio-tools 1.71.2 generates code that imports on protobuf 5.29 up
to 7; newer generators refuse older runtimes. Nothing outside the environment is used, so the output is the
same bytes on every machine.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

SOURCE = Path(__file__).resolve().parent.parent / "src"


def main(out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    sources = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    options = [f"-I{SOURCE}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}"]
    return int(protoc.main(["protoc", *options, *sources]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE))
