"""Reads pipelines: what stands in an action, or between parentheses."""

from typing import Final

from appliance.formats.gotemplate.constants import read_character, read_complex, read_number
from appliance.formats.gotemplate.lexer import Kind, Token
from appliance.formats.gotemplate.nodes import (
    Boolean,
    Chain,
    Command,
    Dot,
    Fields,
    Identifier,
    Nil,
    Number,
    Operand,
    Pipeline,
    String,
    Variable,
)
from appliance.formats.gotemplate.quoting import quote
from appliance.formats.gotemplate.reader import TokenReader

_NUMBERS: Final = {
    Kind.NUMBER: read_number,
    Kind.COMPLEX: read_complex,
    Kind.CHARACTER: read_character,
}
_OPERANDS: Final = frozenset(
    [
        Kind.BOOL,
        Kind.CHARACTER,
        Kind.COMPLEX,
        Kind.DOT,
        Kind.FIELD,
        Kind.IDENTIFIER,
        Kind.NUMBER,
        Kind.NIL,
        Kind.RAW_STRING,
        Kind.STRING,
        Kind.VARIABLE,
        Kind.OPEN,
    ]
)
_LITERALS: Final = (Boolean, Dot, Nil, Number, String)
"""What cannot be called, nor have fields."""


class PipelineReader(TokenReader):
    """Every method reads one part of the grammar."""

    __slots__ = ()

    def pipeline(self, context: str, end: Kind) -> Pipeline:
        """Read declarations and commands up to the token that ends them."""
        position = self.peek_word().position
        variables: list[str] = []
        assigns = False
        while (declared := self._declaration(context, variables)) is not None:
            assigns = declared == "="
            if declared != ",":
                break
        commands: list[Command] = []
        while True:
            token = self.next_word()
            if token.kind is end:
                break
            if token.kind not in _OPERANDS:
                self.unexpected(token, context)
            self.put_back(token)
            commands.append(self._command())
        self._check(commands, context)
        return Pipeline(
            position=position,
            commands=tuple(commands),
            variables=tuple(variables),
            assigns=assigns,
        )

    def _declaration(self, context: str, variables: list[str]) -> str | None:
        """Read `$x :=`, `$x =` or `$x,` and give its sign; None where there is none."""
        if self.peek_word().kind is not Kind.VARIABLE:
            return None
        variable = self.next()
        after = self.peek()
        sign = self.peek_word()
        comma = sign.kind is Kind.OTHER and sign.text == ","
        if not comma and sign.kind not in (Kind.ASSIGN, Kind.DECLARE):
            if after.kind is Kind.SPACE:
                self.put_back(after)
            self.put_back(variable)
            return None
        self.next_word()
        variables.append(variable.text)
        self.scope.variables.append(variable.text)
        if not comma:
            return sign.text
        if context != "range" or len(variables) >= 2:
            self.fail(f"too many declarations in {context}")
        if self.peek_word().kind not in (Kind.VARIABLE, Kind.RIGHT, Kind.CLOSE):
            self.fail("range can only initialize variables")
        return ","

    def _check(self, commands: list[Command], context: str) -> None:
        if not commands:
            self.fail(f"missing value for {context}")
        for place, command in enumerate(commands[1:], start=2):
            if isinstance(command.words[0], _LITERALS):
                self.fail(f"non executable command in pipeline stage {place}")

    def _command(self) -> Command:
        """Read words up to a pipe sign, or to the end of the pipeline."""
        position = self.peek_word().position
        words: list[Operand] = []
        while True:
            self.peek_word()
            word = self._operand()
            if word is not None:
                words.append(word)
            token = self.next()
            if token.kind is Kind.SPACE:
                continue
            if token.kind in (Kind.RIGHT, Kind.CLOSE):
                self.put_back(token)
            elif token.kind is not Kind.PIPE:
                self.unexpected(token, "operand")
            break
        if not words:
            self.fail("empty command")
        return Command(position=position, words=tuple(words))

    def _operand(self) -> Operand | None:
        """Read a term and the fields behind it."""
        term = self._term()
        if term is None or self.peek().kind is not Kind.FIELD:
            return term
        position = self.peek().position
        names: list[str] = []
        while self.peek().kind is Kind.FIELD:
            names.append(self.next().text[1:])
        if isinstance(term, Fields):
            return Fields(position=position, names=(*term.names, *names))
        if isinstance(term, Variable):
            return Variable(position=position, names=(*term.names, *names))
        if isinstance(term, _LITERALS):
            self.fail(f"unexpected . after term {quote(str(term))}")
        return Chain(position=position, operand=term, names=tuple(names))

    def _term(self) -> Operand | None:
        """Read one word without its fields; None where there is none."""
        token = self.next_word()
        position = token.position
        match token.kind:
            case Kind.IDENTIFIER:
                if token.text not in self.functions:
                    self.fail(f"function {quote(token.text)} not defined")
                return Identifier(position=position, name=token.text)
            case Kind.FIELD:
                return Fields(position=position, names=(token.text[1:],))
            case Kind.VARIABLE:
                if token.text not in self.scope.variables:
                    self.fail(f"undefined variable {quote(token.text)}")
                return Variable(position=position, names=(token.text,))
            case Kind.STRING | Kind.RAW_STRING:
                value = self.unquoted(token)
                return String(position=position, literal=token.text, value=value)
            case Kind.OPEN:
                self.enter()
                pipeline = self.pipeline("parenthesized pipeline", Kind.CLOSE)
                self.leave()
                return pipeline
            case _:
                return self._constant(token)

    def _constant(self, token: Token) -> Operand | None:
        if token.kind in _NUMBERS:
            return self._number(token)
        if token.kind is Kind.DOT:
            return Dot(position=token.position)
        if token.kind is Kind.NIL:
            return Nil(position=token.position)
        if token.kind is Kind.BOOL:
            return Boolean(position=token.position, value=token.text == "true")
        self.put_back(token)
        return None

    def _number(self, token: Token) -> Number:
        number = _NUMBERS[token.kind](token.text, position=token.position)
        if isinstance(number, str):
            self.fail(number)
        return number
