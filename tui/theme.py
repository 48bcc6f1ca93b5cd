"""Two calm palettes with one warm accent; colour only repeats what a shape and a word say."""

from typing import Final

from textual.theme import Theme

EMBER: Final = Theme(
    name="ember",
    primary="#e3a76f",
    secondary="#b48ead",
    accent="#7fa9c4",
    foreground="#d9d4cc",
    background="#15171b",
    surface="#1b1e23",
    panel="#25292f",
    success="#93b97c",
    warning="#e2b65d",
    error="#df7166",
    dark=True,
    variables={
        "footer-background": "#15171b",
        "footer-key-foreground": "#e3a76f",
        "footer-description-foreground": "#8d8a85",
        "input-cursor-background": "#e3a76f",
        "input-selection-background": "#e3a76f 30%",
    },
)

PAPER: Final = Theme(
    name="paper",
    primary="#9a5b16",
    secondary="#7d5378",
    accent="#2f6690",
    foreground="#2b2a28",
    background="#f7f4ee",
    surface="#efebe3",
    panel="#e2ddd2",
    success="#47702f",
    warning="#8a6100",
    error="#b23a2e",
    dark=False,
    variables={
        "footer-background": "#f7f4ee",
        "footer-key-foreground": "#9a5b16",
        "footer-description-foreground": "#76726a",
    },
)
