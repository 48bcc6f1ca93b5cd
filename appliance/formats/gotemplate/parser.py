"""Reads a template into trees: its own, and one for each that it defines.

The grammar and what is refused, with its words, are Go's. Only nesting is bounded closer.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final, final

from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.lexer import Kind, Token
from appliance.formats.gotemplate.nodes import (
    Action,
    Branch,
    Invocation,
    Jump,
    Pipeline,
    Statement,
    Text,
)
from appliance.formats.gotemplate.pipelines import PipelineReader
from appliance.formats.gotemplate.quoting import quote
from appliance.formats.gotemplate.reader import Scope

_BLANK: Final = re.compile(r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*")
LONGEST: Final = 1 << 18  # characters of a template


@final
@dataclass(frozen=True, slots=True)
class _Ending:
    """The end or else that closes a list of statements."""

    keyword: str
    position: int
    follows: str = ""  # "if" or "with" behind an else

    def __str__(self) -> str:
        return f"{{{{{self.keyword}}}}}"


Trees = Mapping[str, tuple[Statement, ...]]


def parse_trees(text: str, functions: Container[str], *, name: str) -> Trees:
    """Give the statements of each template by its name. Raises TemplateError."""
    if len(text) > LONGEST:
        raise BudgetError(f"the template is longer than {LONGEST} characters")
    try:
        return _Parser(text, functions, name).run()
    except RecursionError:
        raise BudgetError("the template is nested too deep") from None


class _Parser(PipelineReader):
    """Reads one text; every method reads one part of the grammar."""

    __slots__ = ("_trees",)

    def __init__(self, text: str, functions: Container[str], name: str) -> None:
        super().__init__(text, functions, name)
        self._trees: dict[str, tuple[Statement, ...]] = {}

    def run(self) -> Trees:
        """Read the whole text."""
        statements: list[Statement] = []
        while self.peek().kind is not Kind.END:
            if self.peek().kind is Kind.LEFT:
                left = self.next()
                word = self.next_word()
                if word.kind is Kind.KEYWORD and word.text == "define":
                    self._definition()
                    continue
                self.put_back(word, left)
            statement = self._statement()
            if isinstance(statement, _Ending):
                self.fail(f"unexpected {statement}")
            else:
                statements.append(statement)
        self._add(self.name, tuple(statements))
        return self._trees

    def _add(self, name: str, statements: tuple[Statement, ...]) -> None:
        """Keep a template; one that is empty is replaced, and replaces none."""
        known = self._trees.get(name)
        if known is None or _is_empty(known):
            self._trees[name] = statements
        elif not _is_empty(statements):
            self.fail(f"template: multiple definition of template {quote(name)}")

    def _definition(self) -> None:
        """Read `"name"}} … {{end}}`."""
        context = "define clause"
        name = self._template_name(self.next_word(), context)[0]
        self.expect(Kind.RIGHT, context)
        self._separately(name, context)

    def _separately(self, name: str, context: str) -> None:
        """Read the body of a template of its own, up to its end."""
        outer, self.scope = self.scope, Scope()
        action, self.action = self.action, None
        statements, ending = self._list()
        if ending.keyword != "end":
            self.fail(f"unexpected {ending} in {context}")
        self._add(name, statements)
        self.scope, self.action = outer, action

    def _list(self) -> tuple[tuple[Statement, ...], _Ending]:
        """Read statements up to an end or else."""
        self.enter()
        statements: list[Statement] = []
        while True:
            if self.peek_word().kind is Kind.END:
                self.fail("unexpected EOF")
            statement = self._statement()
            if isinstance(statement, _Ending):
                break
            statements.append(statement)
        self.leave()
        return tuple(statements), statement

    def _statement(self) -> Statement | _Ending:
        """Read text or an action."""
        token = self.next_word()
        if token.kind is Kind.TEXT:
            return Text(position=token.position, text=token.text)
        if token.kind is not Kind.LEFT:
            self.unexpected(token, "input")
        self.action = token.position
        statement = self._action()
        self.action = None
        return statement

    def _action(self) -> Statement | _Ending:
        token = self.next_word()
        if token.kind is Kind.KEYWORD:
            return self._control(token)
        self.put_back(token)
        position = self.peek().position
        return Action(position=position, pipeline=self.pipeline("command", Kind.RIGHT))

    def _control(self, word: Token) -> Statement | _Ending:
        """Read what a keyword begins."""
        if word.text in ("if", "with", "range"):
            return self._branch(word.text)
        if word.text in ("break", "continue"):
            return self._jump(word)
        if word.text == "end":
            return _Ending("end", self.expect(Kind.RIGHT, "end").position)
        if word.text == "else":
            return self._else()
        if word.text not in ("template", "block"):
            self.unexpected(word, "command")
        return self._invocation(word.text)

    def _else(self) -> _Ending:
        token = self.peek_word()
        if token.kind is Kind.KEYWORD and token.text in ("if", "with"):
            return _Ending("else", token.position, token.text)
        return _Ending("else", self.expect(Kind.RIGHT, "else").position)

    def _jump(self, word: Token) -> Jump:
        shown = f"{{{{{word.text}}}}}"
        token = self.next_word()
        if token.kind is not Kind.RIGHT:
            self.unexpected(token, shown)
        if not self.scope.ranges:
            self.fail(f"{shown} outside {{{{range}}}}")
        return Jump(position=word.position, keyword=word.text)

    def _branch(self, keyword: str) -> Branch:
        """Read an if, with or range; a chain of `else if` is read without going deeper."""
        variables = len(self.scope.variables)
        heads: list[tuple[Pipeline, tuple[Statement, ...]]] = []
        otherwise: tuple[Statement, ...] | None = None
        while True:
            pipeline = self.pipeline(keyword, Kind.RIGHT)
            self.scope.ranges += keyword == "range"
            body, ending = self._list()
            self.scope.ranges -= keyword == "range"
            heads.append((pipeline, body))
            if ending.keyword == "end":
                break
            if keyword != "range" and ending.follows == keyword:
                self.next_word()
                continue
            otherwise, ending = self._list()
            if ending.keyword != "end":
                self.fail(f"expected end; found {ending}")
            break
        del self.scope.variables[variables:]
        return _chained(keyword, heads, otherwise)

    def _invocation(self, keyword: str) -> Invocation:
        """Read `template "name" pipeline`, or a block, which also defines what it invokes."""
        context = f"{keyword} clause"
        token = self.next_word()
        name, literal = self._template_name(token, context)
        pipeline = None
        if keyword == "block":
            pipeline = self.pipeline(context, Kind.RIGHT)
            self._separately(name, context)
        else:
            following = self.next_word()
            if following.kind is not Kind.RIGHT:
                self.put_back(following)
                pipeline = self.pipeline(context, Kind.RIGHT)
        return Invocation(position=token.position, name=name, literal=literal, pipeline=pipeline)

    def _template_name(self, token: Token, context: str) -> tuple[str, str]:
        """Give the name, and the literal that messages show."""
        if token.kind not in (Kind.STRING, Kind.RAW_STRING):
            self.unexpected(token, context)
        name = self.unquoted(token)
        return name, quote(name)


def _chained(
    keyword: str,
    heads: list[tuple[Pipeline, tuple[Statement, ...]]],
    otherwise: tuple[Statement, ...] | None,
) -> Branch:
    """Put a chain of `else if` together: each is all that the else before it holds."""
    (pipeline, body), *others = heads
    if others:
        otherwise = (_chained(keyword, others, otherwise),)
    return Branch(
        position=pipeline.position,
        keyword=keyword,
        pipeline=pipeline,
        body=body,
        otherwise=otherwise,
    )


def _is_empty(statements: tuple[Statement, ...]) -> bool:
    """Tell if there is nothing but white space."""
    return all(isinstance(each, Text) and _BLANK.fullmatch(each.text) for each in statements)
