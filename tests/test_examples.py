# SPDX-License-Identifier: BSD-2-Clause
"""The examples run, and do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_blog_post(built: None, image: Path) -> None:
    from rumpy.linker import locate

    script = ROOT / "examples" / "blog.py"
    done = subprocess.run(
        [sys.executable, str(script), str(locate("ffs")), str(image)],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Directories of a Fast File System")
    assert "NetBSD" in done.stderr
    import rumpy

    with rumpy.Kernel() as k, k.mount("ffs", str(image), "/mnt", "ro") as mnt:
        assert (mnt / "a_directory" / "README").read_text().startswith("DIRECTORIES")
