"""Choices in forms where Enter goes on: space chooses, arrows move; never by colour alone."""

from typing import ClassVar, final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Checkbox, RadioButton, RadioSet


@final
class Way(RadioButton):
    """One of the ways of a choice."""

    @property
    def _button(self) -> Content:
        shape = "(●)" if self.value else "( )"
        return Content.styled(shape, self.get_visual_style("toggle--button"))


@final
class Choice(RadioSet, inherit_bindings=False):
    """One of several."""

    DEFAULT_CSS = """
    Choice, Choice:focus {
        border: none;
        padding: 0;
        background: $background;
        background-tint: $background 0%;
        .toggle--button { color: $primary; background: $background; }
        & > Way .toggle--button { color: $primary; background: $background; }
        & > Way { background: $background; border: none; padding: 0; width: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "next_button", "next", show=False),
        Binding("up", "previous_button", "previous", show=False),
        Binding("space", "toggle_button", "choose", show=False),
    ]

    def __init__(self, *ways: str, chosen: int = 0, id: str) -> None:  # noqa: A002 - Textual's name
        buttons = [Way(way, number == chosen, compact=True) for number, way in enumerate(ways)]
        super().__init__(*buttons, id=id, compact=True)

    @property
    def chosen(self) -> int:
        """Which one, from 0."""
        return max(self.pressed_index, 0)


@final
class Tick(Checkbox, inherit_bindings=False):
    """Yes or no."""

    DEFAULT_CSS = """
    Tick, Tick:focus {
        border: none;
        padding: 0;
        background: $background;
        background-tint: $background 0%;
        .toggle--button { color: $primary; background: $background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_button", "choose", show=False)
    ]

    def __init__(self, label: str, value: bool, *, id: str) -> None:  # noqa: A002, FBT001
        super().__init__(label, value, id=id, compact=True)

    @property
    def _button(self) -> Content:
        shape = "[x]" if self.value else "[ ]"
        return Content.styled(shape, self.get_visual_style("toggle--button"))
