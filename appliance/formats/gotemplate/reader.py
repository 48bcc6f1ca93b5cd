"""What the readers of a template share: its tokens with a look ahead, and Go's words for errors."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn, final

from appliance.formats.gotemplate.errors import PARSE, BudgetError, TemplateError
from appliance.formats.gotemplate.lexer import Kind, Token, tokens
from appliance.formats.gotemplate.quoting import unquote

_DEEPEST: Final = 60  # actions and parentheses within each other


@final
@dataclass(slots=True)
class Scope:
    """What is particular to the template that is being read."""

    variables: list[str] = field(default_factory=lambda: ["$"])
    ranges: int = 0  # those that the present place is in


class TokenReader:
    """Gives the tokens of a text one by one; those that were looked at are put back."""

    __slots__ = (
        "_depth",
        "_last",
        "_pending",
        "_tokens",
        "action",
        "functions",
        "name",
        "scope",
        "text",
    )

    def __init__(self, text: str, functions: Container[str], name: str) -> None:
        self.text = text
        self.functions = functions
        self.name = name
        self.scope = Scope()
        self.action: int | None = None  # where the present action began
        self._tokens: Iterator[Token] = tokens(text)
        self._pending: list[Token] = []
        self._last = Token(Kind.END, 0, "")  # the newest token, whose line errors name
        self._depth = 0

    def next(self) -> Token:
        """Take the next token."""
        if self._pending:
            return self._pending.pop()
        self._last = next(self._tokens, self._last)
        return self._last

    def peek(self) -> Token:
        """Look at the next token."""
        if not self._pending:
            self._pending.append(self.next())
        return self._pending[-1]

    def next_word(self) -> Token:
        """Take the next token that is no space."""
        token = self.next()
        return self.next() if token.kind is Kind.SPACE else token

    def peek_word(self) -> Token:
        """Look at the next token that is no space; spaces are gone then."""
        token = self.next_word()
        self.put_back(token)
        return token

    def line(self, position: int) -> int:
        """Give the number of the line."""
        return self.text.count("\n", 0, position) + 1

    def fail(self, problem: str) -> NoReturn:
        """Refuse the template."""
        line = self.line(self._last.position)
        raise TemplateError(f"template: {self.name}:{line}: {problem}", stage=PARSE)

    def unexpected(self, token: Token, context: str) -> NoReturn:
        """Refuse the token there; an error that is a token is told as it is."""
        if token.kind is not Kind.ERROR:
            self.fail(f"unexpected {token} in {context}")
        extra = ""
        began = None if self.action is None else self.line(self.action)
        if began not in (None, self.line(token.position)):
            extra = f" in action started at {self.name}:{began}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        self.fail(f"{token}{extra}")

    def expect(self, kind: Kind, context: str) -> Token:
        """Take the next token, which must be of that kind."""
        token = self.next_word()
        if token.kind is not kind:
            self.unexpected(token, context)
        return token

    def put_back(self, *read: Token) -> None:
        """Give these again, the last one first."""
        self._pending += read

    def leave(self) -> None:
        """Come out of a list of statements or of parentheses."""
        self._depth -= 1

    def enter(self) -> None:
        """Go into a list of statements or into parentheses."""
        self._depth += 1
        if self._depth > _DEEPEST:
            line = self.line(self._last.position)
            raise BudgetError(f"template: {self.name}:{line}: nested too deep")

    def unquoted(self, token: Token) -> str:
        """Give what a string literal means."""
        value = unquote(token.text)
        if value is None:
            self.fail("invalid syntax")
        return value
