"""Who does what is done: for the journal."""

from contextvars import ContextVar
from typing import Final

WHO: Final[ContextVar[str]] = ContextVar("WHO", default="the operator at the console")
"""Of the task that carries out a call."""
