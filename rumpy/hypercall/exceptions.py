# SPDX-License-Identifier: BSD-2-Clause
"""Exceptions of Python code in hypercalls, on their way to a door.

C keeps a token for the door whose context made the call; the exception waits
here under that token.  One that has no door (a kernel thread made the call)
goes to sys.unraisablehook.
"""

from __future__ import annotations

import itertools
import sys

from rumpy._hyp import lib
from rumpy.errors import RumpyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_tokens = itertools.count(1)
_waiting: dict[int, BaseException] = {}
# A door may be left by a panic and never ask; those exceptions go in the end.
_MOST = 256


def put(error: BaseException, where: str) -> bool:
    """Send an exception to the door of the running context.

    Args:
        error: what was raised.
        where: which hypercall, for the message of those without a door.

    Returns:
        Whether a door will raise it.
    """
    token = next(_tokens)
    _waiting[token] = error
    accept = lib.hyp_exception_put
    if _from_signal(error):
        accept = lib.hyp_exception_put_signal
    if accept(token):
        while len(_waiting) > _MOST:
            _waiting.pop(next(iter(_waiting)), None)
        return True
    del _waiting[token]
    unraisable(error, where)
    return False


def take() -> BaseException:
    """The exception that made this thread's last door answer HYP_EEXC."""
    error = _waiting.pop(int(lib.hyp_exception_take()), None)
    return error or RumpyError("an exception of a hypercall was lost")


def unraisable(error: BaseException, where: str) -> None:
    """Report an exception that nobody can catch."""
    message = f"Exception ignored in hypercall {where}"
    if sys.unraisablehook is sys.__unraisablehook__:
        # It takes only arguments of a type that nobody else can make.
        if sys.stderr is not None:
            import traceback

            text = "".join(traceback.format_exception(error))
            sys.stderr.write(f"{message}:\n{text}")
        return
    from types import SimpleNamespace

    sys.unraisablehook(
        SimpleNamespace(
            exc_type=type(error),
            exc_value=error,
            exc_traceback=error.__traceback__,
            err_msg=message,
            object=None,
        )
    )


def catcher(where: str, failed: int) -> Any:
    """An onerror function for ffi.def_extern: puts the exception, answers failed."""

    def onerror(
        kind: type[BaseException],
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> int:
        error = value if isinstance(value, BaseException) else kind()
        put(error.with_traceback(trace), where)
        return failed

    return onerror


def _from_signal(error: BaseException) -> bool:
    """Whether a signal handler raised it: then the request may be repeated.

    Handlers run on the main thread only.  KeyboardInterrupt is theirs; for the
    rest a handler's frame was made by the interpreter and called with (signum,
    frame), which can't be told from others, so it counts as the code's own.
    """
    return isinstance(error, KeyboardInterrupt) and _is_main_thread()


def _is_main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()
