"""Generates Python stubs from Carrel's .proto files when it is imported, and puts them on the import path.

An institution would generate them once and keep them:

    mkdir -p stubs
    python -m grpc_tools.protoc -I proto --python_out=stubs --grpc_python_out=stubs $(find proto -name '*.proto')
"""

import atexit
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent.parent.parent / "proto"
GOOGLE = resources.files("grpc_tools") / "_proto"


def generate():
    """Generates the stubs in a temporary folder, and returns the folder."""
    folder = tempfile.mkdtemp(prefix="carrel-stubs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    files = [str(path.relative_to(PROTO)) for path in sorted(PROTO.rglob("*.proto"))]
    arguments = ["protoc", f"-I{PROTO}", f"-I{GOOGLE}", f"--python_out={folder}", f"--grpc_python_out={folder}", *files]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc could not compile the protos; what is wrong is printed above")
    return folder


sys.path.insert(0, generate())
