"""Makes pipelines ready to run: each node becomes a function of the rendering's state.

What Go decides anew at each execution, but could know from the template alone (how many arguments
there are, which type a constant becomes), is decided here once; its errors still come when the
place is reached, as in Go. Each function notes its node in the state when Go would.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

from appliance.formats.gotemplate.builtins import AND, CALL, OR
from appliance.formats.gotemplate.calls import count_problem, invoke, parameter
from appliance.formats.gotemplate.conversion import (
    Check,
    WrongConstantError,
    check,
    constant,
    ideal,
    nil_of,
    takes_nil,
)
from appliance.formats.gotemplate.fields import element_boxed, find_method, look_up
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
from appliance.formats.gotemplate.signatures import Function, Type
from appliance.formats.gotemplate.state import Binding, Shown, State
from appliance.formats.gotemplate.values import INVALID, TypedMap

Evaluate: TypeAlias = Callable[[State, Any], Any]
"""Gives the value of a node; the second argument is the present element (dot)."""
Piped: TypeAlias = Callable[..., Any]
"""The same of a command; a third argument is what came through the pipe, None without one."""
Functions: TypeAlias = Mapping[str, Function]


@final
class Compiler:
    """Compiles the pipelines of one template, which may call these functions."""

    __slots__ = ("_functions",)

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def pipeline(self, node: Pipeline) -> Evaluate:
        """Make a pipeline ready; an empty interface comes out as no value."""
        first, *others = [
            self._command(command, piped=place > 0) for place, command in enumerate(node.commands)
        ]
        if others or node.variables:
            return _long_pipeline(node, first, others)

        def run(state: State, dot: Any) -> Any:
            state.node = node
            value = first(state, dot, None)
            return INVALID if value is None else value

        return run

    def _command(self, node: Command, *, piped: bool) -> Piped:
        word, arguments = node.words[0], node.words[1:]
        if isinstance(word, Identifier):
            return self._call(word, node, arguments, piped=piped)
        if isinstance(word, Fields | Chain | Variable):
            return self._chain(word, arguments, piped=piped)
        if isinstance(word, Pipeline | Dot) and not (arguments or piped):
            return _without_pipe(self.pipeline(word) if isinstance(word, Pipeline) else _dot(word))
        return _plain_command(word, given=bool(arguments) or piped)

    # Calls

    def _call(
        self, word: Identifier, node: Shown, arguments: Sequence[Operand], *, piped: bool
    ) -> Piped:
        """Call a function by its name; `node` is what an error of the call names."""
        function, name = self._functions[word.name], word.name
        problem = count_problem(function, name, len(arguments), int(piped))
        if problem:
            return _failing(problem, word)
        prepared = self._arguments(function, arguments)
        if function in (AND, OR):
            return _lazy(word, prepared, stop=function is OR, piped=piped)
        last = check(parameter(function, len(arguments))) if piped else None
        callee = [str(arguments[0]) if arguments else ""] if function is CALL else []

        def run(state: State, dot: Any, pipe: Any = None) -> Any:
            state.node = word
            values = [argument(state, dot) for argument in prepared]
            if last is not None:
                values.append(last(state, pipe))
            return invoke(state, function, values, name=name, node=node, receiver=callee)

        return run

    def _arguments(self, function: Function, arguments: Sequence[Operand]) -> list[Evaluate]:
        return [
            self._argument(argument, parameter(function, place))
            for place, argument in enumerate(arguments)
        ]

    def _argument(self, node: Operand, go_type: Type) -> Evaluate:
        """Make an argument ready for a parameter of that type."""
        if isinstance(node, Nil):
            if not takes_nil(go_type):
                return _failing(f"cannot assign nil to {go_type}", node)
            nil = nil_of(go_type)
            return _holding(node, nil)
        if isinstance(node, Boolean | Number | String):
            return _constant(node, go_type)
        return _checked(self._operand(node), check(go_type))

    def _operand(self, node: Operand) -> Evaluate:
        """Make a node ready that is no constant."""
        if isinstance(node, Pipeline):
            return self.pipeline(node)
        if isinstance(node, Identifier):
            return self._call(node, node, (), piped=False)
        if isinstance(node, Fields | Chain | Variable):
            return self._chain(node, (), piped=False)
        return _dot(node)

    # Fields

    def _chain(
        self, node: Fields | Chain | Variable, arguments: Sequence[Operand], *, piped: bool
    ) -> Piped:
        """Go from field to field; the last one may be a method that takes arguments."""
        if isinstance(node, Chain):
            return self._chain_of_operand(node, arguments, piped=piped)
        if isinstance(node, Fields):
            names = node.names
            walk = self._walk(node, names, arguments, piped=piped)
            plain = not (arguments or piped)

            def from_dot(state: State, dot: Any, pipe: Any = None) -> Any:
                state.node = node
                value = dot
                if plain:  # maps all the way, as nearly always
                    for name in names:
                        kind = type(value)
                        if kind is not dict and not (kind is TypedMap and value.by_name):
                            break
                        value = value.get(name, INVALID)
                    else:
                        return value
                return walk(state, dot, pipe, dot, state.boxed)

            return from_dot
        return self._variable(node, arguments, piped=piped)

    def _variable(self, node: Variable, arguments: Sequence[Operand], *, piped: bool) -> Piped:
        variable, names = node.names[0], node.names[1:]
        if not names:
            given = bool(arguments) or piped

            def alone(state: State, _dot: Any, _pipe: Any = None) -> Any:
                state.node = node
                value = state.variable(variable).value
                if given:
                    raise state.failure(f"can't give argument to non-function {node}")
                return value

            return alone
        walk = self._walk(node, names, arguments, piped=piped)

        def from_variable(state: State, dot: Any, pipe: Any = None) -> Any:
            state.node = node
            binding = state.variable(variable)
            return walk(state, dot, pipe, binding.value, binding.boxed)

        return from_variable

    def _chain_of_operand(self, node: Chain, arguments: Sequence[Operand], *, piped: bool) -> Piped:
        if isinstance(node.operand, Nil):
            return _failing(f"indirection through explicit nil in {node}", node)
        operand = self._operand(node.operand)
        walk = self._walk(node, node.names, arguments, piped=piped)

        def from_operand(state: State, dot: Any, pipe: Any = None) -> Any:
            state.node = node
            return walk(state, dot, pipe, operand(state, dot))

        return from_operand

    def _walk(
        self, node: Shown, names: Sequence[str], arguments: Sequence[Operand], *, piped: bool
    ) -> Callable[..., Any]:
        """Follow names from a receiver, of which `boxed` tells if Go has it as an interface {}."""
        last, given = len(names) - 1, bool(arguments) or piped

        def walk(state: State, dot: Any, pipe: Any, receiver: Any, boxed: bool = False) -> Any:  # noqa: FBT001, FBT002
            holder: Any = None
            for place, name in enumerate(names):
                if type(receiver) is dict and not (given and place == last):
                    holder, receiver = receiver, receiver.get(name, INVALID)
                    continue
                if holder is not None:
                    boxed = element_boxed(holder, names[place - 1])
                method = find_method(receiver, name)
                holder = None
                if method is not None:
                    words = arguments if place == last else ()
                    through = piped and place == last
                    receiver = self._method(
                        state, dot, method, name, node, words, (pipe,) if through else ()
                    )
                    boxed = False
                    continue
                found = look_up(
                    state, receiver, name, boxed=boxed, arguments=given and place == last
                )
                holder, receiver = (None if found is INVALID else receiver), found
            return receiver

        return walk

    def _method(
        self,
        state: State,
        dot: Any,
        method: tuple[Function, Any],
        name: str,
        node: Shown,
        words: Sequence[Operand],
        pipe: Sequence[Any],
    ) -> Any:
        """Call a method; which one is only known now."""
        function, receiver = method
        problem = count_problem(function, name, len(words), len(pipe))
        if problem:
            raise state.failure(problem)
        values = [argument(state, dot) for argument in self._arguments(function, words)]
        values += [check(parameter(function, len(words)))(state, value) for value in pipe]
        if receiver is None:
            state.node = node
            raise state.failure(f"error calling {name}: value method called using nil pointer")
        return invoke(state, function, values, name=name, node=node, receiver=(receiver,))


def _long_pipeline(node: Pipeline, first: Piped, others: Sequence[Piped]) -> Evaluate:
    """Make a pipeline of several commands, or with variables, ready."""
    variables, assigns = node.variables, node.assigns

    def run(state: State, dot: Any) -> Any:
        state.node = node
        value = first(state, dot, None)
        for command in others:
            value = command(state, dot, INVALID if value is None else value)
        value = INVALID if value is None else value
        for name in variables:
            if assigns:
                binding = state.variable(name)
                binding.value, binding.boxed = value, False
            else:
                state.variables.append(Binding(name, value))
        return value

    return run


def _plain_command(word: Operand, *, given: bool) -> Piped:
    """Make a constant ready where a command stands; it takes no arguments."""
    if given:
        problem = f"can't give argument to non-function {word}"
        return _failing(problem, None if isinstance(word, Pipeline) else word)
    if isinstance(word, Nil):
        return _failing("nil is not a command", word)
    return _constant(word, None)


def _lazy(word: Identifier, arguments: Sequence[Evaluate], *, stop: bool, piped: bool) -> Piped:
    """Make `and` or `or` ready: gives the first argument that decides, or the last."""

    def run(state: State, dot: Any, pipe: Any = None) -> Any:
        state.node = word
        state.meter.spend(1)
        value = None
        for argument in arguments:
            value = argument(state, dot)
            if bool(value) is stop:
                return value
        return pipe if piped else value

    return run


def _dot(node: Operand) -> Evaluate:
    def run(state: State, dot: Any) -> Any:
        state.node = node
        return dot

    return run


def _constant(node: Operand, go_type: Type | None) -> Piped:
    """Make a constant ready; one that does not suit fails when it is reached."""
    try:
        value = ideal(node) if go_type is None else constant(node, go_type)
    except WrongConstantError as error:
        return _failing(str(error), node)
    return _holding(node, value)


def _holding(node: Operand, value: Any) -> Piped:
    """Make what always gives the same value."""

    def run(state: State, _dot: Any, _pipe: Any = None) -> Any:
        state.node = node
        return value

    return run


def _failing(problem: str, node: Shown | None) -> Piped:
    """Make what always fails, at that node or wherever it is reached."""

    def run(state: State, _dot: Any, _pipe: Any = None) -> Any:
        if node is not None:
            state.node = node
        raise state.failure(problem)

    return run


def _without_pipe(evaluate: Evaluate) -> Piped:
    """Take what can be a command, but makes nothing of a pipe."""
    return lambda state, dot, _pipe: evaluate(state, dot)


def _checked(evaluate: Evaluate, checking: Check) -> Evaluate:
    """Check the value against its parameter."""
    return lambda state, dot: checking(state, evaluate(state, dot))
