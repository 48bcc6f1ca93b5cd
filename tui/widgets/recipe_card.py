"""A recipe: what it is for, and what to type."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static

from appliance.model.provisioners import Recipe
from tui.wording import printable


class RecipeCard(Static, can_focus=True):
    """One recipe, which can be copied."""

    DEFAULT_CSS = """
    RecipeCard {
        height: auto;
        margin: 0 0 1 0;
        border-left: blank;
        padding: 0 0 0 1;
        &:focus { border-left: thick $primary; }
        &> .recipe-card--title { color: $primary; }
        &> .recipe-card--text { color: $foreground; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"recipe-card--title", "recipe-card--text"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "copy"),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "before", show=False),
    ]

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(markup=False)
        self._recipe = recipe

    def on_mount(self) -> None:
        """Write it, now that there are styles."""
        text = Text(overflow="fold")
        title = self.get_component_rich_style("recipe-card--title")
        body = self.get_component_rich_style("recipe-card--text")
        text.append(printable(self._recipe.title), title)
        for line in self._recipe.text.split("\n"):
            text.append(f"\n{printable(line.expandtabs(4))}", body)
        self.update(text)

    def action_copy(self) -> None:
        """Put it into the clipboard, where the terminal lets us (OSC 52)."""
        self.app.copy_to_clipboard(self._recipe.text)
        self.notify("The recipe is in the clipboard, where the terminal allows it.", timeout=3)
