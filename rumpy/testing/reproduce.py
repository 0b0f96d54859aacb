# SPDX-License-Identifier: BSD-2-Clause
"""Scripts that show a fuzzer's finding, without the fuzzer.

Such a script has the image in it, and says in Python what was done: `rumpy run
SCRIPT` or `python SCRIPT` ends with the panic, or says what else is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import textwrap
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rumpy.testing.fuzzing import Finding, Target

__all__ = ["script", "store"]

_TEXT = '''\
# SPDX-License-Identifier: BSD-2-Clause
"""{kind}: {summary}

Again: rumpy run {name} [MODULE], or python {name} [MODULE].
"""

import sys

from rumpy.testing.fuzzing import Input, Target, run_one
{imports}
{image}
target = Target(
    module=sys.argv[1] if sys.argv[1:] else {module!r},
    images=[{images}],
    type={type!r},
    options=[{options!r}],
    root={root!r},
    memory={memory!r},
    timeout={timeout!r},
    kernel={kernel!r},{functions}
)
patches = {patches}
calls = [
{calls}
]

result = run_one(target, Input.of(patches, calls), say=print)
sys.exit(0 if result.ok else f"{{result.kind}}: {{result.message}}")
'''


def script(target: Target, finding: Finding, name: str) -> str:
    """The text of a script that shows a finding."""
    given, result = finding.input, finding.result
    image = images = ""
    if target.images:
        image, images = _image(target, given.image), "image"
    summary = result.message.partition("\n")[0].replace('"""', "'''")
    module = (
        os.path.abspath(target.module)
        if "/" in str(target.module)
        else str(target.module)
    )
    functions, imports = _functions(target)
    calls = "\n".join(
        f"    {[c.name, c.slot, c.user, *map(list, c.args)]!r},  # {c}"
        for c in given.calls
    )
    return _TEXT.format(
        kind=result.kind, summary=summary.replace("\\", "\\\\"), name=name,
        imports=imports, image=image, module=module, images=images,
        type=target.type, options=[*target.options[given.options]],
        root=target.root, memory=target.memory, timeout=target.timeout,
        kernel=dict(target.kernel), functions=functions,
        patches=[(at, data.hex()) for at, data in given.patches], calls=calls,
    )  # fmt: skip


def _functions(target: Target) -> tuple[str, str]:
    """The target's own functions, by import; those of no module are left out."""
    lines, imports = "", ""
    for name in ("prepare", "check", "judge"):
        function = getattr(target, name)
        module = getattr(function, "__module__", "__main__")
        if function is not None and module != "__main__":
            imports += _import(module, function.__qualname__, name)
            lines += f"\n    {name}={name},"
    return lines, imports


def _import(module: str, function: str, name: str) -> str:
    """Lines that import a function, of wherever it was found now."""
    line = f"from {module} import {function} as {name}\n"
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return line
    folder = Path(file).resolve().parents[module.count(".")]
    return f"sys.path.append({str(folder)!r})\n{line}"


def _image(target: Target, index: int) -> str:
    """An image as text; zlib makes little of what is empty."""
    from rumpy.testing.fuzzing import _contents

    packed = zlib.compress(_contents(target.images[index]), 9)
    lines = textwrap.wrap(base64.b85encode(packed).decode(), 84)
    body = "\n".join(f"    {line!r}" for line in lines)
    return f"import base64\nimport zlib\n\npacked = (\n{body}\n)\n" + (
        "image = zlib.decompress(base64.b85decode(packed))\n"
    )


def store(folder: Path, target: Target, finding: Finding) -> Path:
    """Write the script and the input into a folder; the script."""
    folder.mkdir(parents=True, exist_ok=True)
    text = finding.input.dumps()
    key = repr(finding.result.signature) + text
    name = f"{finding.result.kind}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
    (folder / f"{name}.input").write_text(text + "\n")
    path = folder / f"{name}.py"
    path.write_text(script(target, finding, path.name))
    return path
