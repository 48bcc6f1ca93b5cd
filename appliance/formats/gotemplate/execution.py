"""Makes statements ready to run: text, actions, branches, loops and invocations."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, assert_never, final

from appliance.formats.gotemplate.evaluation import Compiler, Evaluate, Functions
from appliance.formats.gotemplate.nodes import (
    Action,
    Branch,
    Invocation,
    Jump,
    Pipeline,
    Statement,
    Text,
)
from appliance.formats.gotemplate.printing import sprint
from appliance.formats.gotemplate.signatures import INTEGERS, Kind
from appliance.formats.gotemplate.state import Binding, Run, State
from appliance.formats.gotemplate.values import (
    INVALID,
    Pointer,
    Uint8,
    sized,
    sorted_keys,
    type_of,
)

_NODES_A_STEP: Final = 4


class _BreakLoop(Exception):
    """A break on its way to its loop."""


class _ContinueLoop(Exception):
    """A continue on its way to its loop."""


def compile_statements(statements: Sequence[Statement], functions: Functions) -> Run:
    """Make the statements of a template ready."""
    return _StatementCompiler(functions).statements(statements)


@final
class _StatementCompiler:
    """Compiles the statements of one template."""

    __slots__ = ("_pipelines",)

    def __init__(self, functions: Functions) -> None:
        self._pipelines = Compiler(functions)

    def statements(self, statements: Sequence[Statement]) -> Run:
        runs = [self._statement(statement) for statement in statements]
        if len(runs) == 1:
            return runs[0]

        def run(state: State, dot: Any) -> None:
            for each in runs:
                each(state, dot)

        return run

    def _statement(self, node: Statement) -> Run:
        match node:
            case Text():
                return _text(node)
            case Action():
                return self._action(node)
            case Branch(keyword="range"):
                return self._range(node)
            case Branch():
                return self._condition(node)
            case Jump():
                return _jump(node)
            case Invocation():
                return self._invocation(node)
        assert_never(node)

    def _action(self, node: Action) -> Run:
        evaluate, cost = self._pipelines.pipeline(node.pipeline), _cost(node.pipeline)
        silent = bool(node.pipeline.variables)

        def run(state: State, dot: Any) -> None:
            state.meter.spend(cost)
            value = evaluate(state, dot)
            if silent:
                return
            if type(value) is not str:
                state.node = node
                value = _printed(state, node, value)
            state.write(value)

        return run

    def _condition(self, node: Branch) -> Run:
        """Make an if or with ready, together with the chain of its else."""
        heads: list[tuple[int, Evaluate, Run]] = []
        moves = node.keyword == "with"
        otherwise: Sequence[Statement] = ()
        chain: Branch | None = node
        while chain is not None:
            evaluate = self._pipelines.pipeline(chain.pipeline)
            heads.append((_cost(chain.pipeline), evaluate, self.statements(chain.body)))
            otherwise = chain.otherwise or ()
            chain = _next_in_chain(otherwise, node.keyword)
        last = self.statements(otherwise)

        def run(state: State, dot: Any) -> None:
            mark, boxed = len(state.variables), state.boxed
            for cost, evaluate, body in heads:
                state.meter.spend(cost)
                value = evaluate(state, dot)
                if value:
                    if moves:
                        state.boxed = False
                        body(state, value)
                        state.boxed = boxed
                    else:
                        body(state, dot)
                    break
            else:
                last(state, dot)
            del state.variables[mark:]

        return run

    def _range(self, node: Branch) -> Run:
        evaluate, cost = self._pipelines.pipeline(node.pipeline), _cost(node.pipeline)
        body = self.statements(node.body)
        otherwise = self.statements(node.otherwise or ())

        def run(state: State, dot: Any) -> None:
            mark, boxed = len(state.variables), state.boxed
            state.meter.spend(cost)
            value = evaluate(state, dot)
            if not _loop(state, node.pipeline, _behind(value), body):
                state.boxed = boxed
                otherwise(state, dot)
            state.boxed = boxed
            del state.variables[mark:]

        return run

    def _invocation(self, node: Invocation) -> Run:
        pipeline = node.pipeline
        evaluate = None if pipeline is None else self._pipelines.pipeline(pipeline)
        cost = 1 if pipeline is None else _cost(pipeline)

        def run(state: State, dot: Any) -> None:
            state.node = node
            state.meter.spend(cost)
            template = state.program.templates.get(node.name)
            if template is None:
                raise state.failure(f"template {node.literal} not defined")
            state.meter.nest(state.depth + 1)
            value = INVALID if evaluate is None else evaluate(state, dot)
            name, variables, boxed, present = state.name, state.variables, state.boxed, state.node
            state.name, state.variables, state.boxed = node.name, [Binding("$", value)], False
            state.depth += 1
            template(state, value)
            state.depth -= 1
            state.name, state.variables, state.boxed, state.node = name, variables, boxed, present

        return run


def _text(node: Text) -> Run:
    text = node.text

    def run(state: State, _dot: Any) -> None:
        state.write(text)

    return run


def _jump(node: Jump) -> Run:
    jump = _BreakLoop if node.keyword == "break" else _ContinueLoop

    def run(_state: State, _dot: Any) -> None:
        raise jump

    return run


def _next_in_chain(otherwise: Sequence[Statement], keyword: str) -> Branch | None:
    """Give the branch that is all that an else holds, if there is one of that kind."""
    if len(otherwise) == 1 and isinstance(otherwise[0], Branch):
        return otherwise[0] if otherwise[0].keyword == keyword else None
    return None


def _cost(pipeline: Pipeline) -> int:
    """Give the steps that a pipeline takes, by its size."""
    return 1 + _size(pipeline) // _NODES_A_STEP


def _size(pipeline: Pipeline) -> int:
    words = [word for command in pipeline.commands for word in command.words]
    return len(words) + sum(_size(word) for word in words if isinstance(word, Pipeline))


def _printed(state: State, node: Action, value: Any) -> str:
    """Write a value as an action does."""
    value = _behind(value)
    if value is INVALID:
        return "<no value>"
    if type_of(value).kind is Kind.FUNC:
        raise state.failure(f"can't print {node} of type {type_of(value)}")
    return sprint([value], state.meter)


def _behind(value: Any) -> Any:
    """Follow pointers, up to one that is nil."""
    while isinstance(value, Pointer) and value.target is not None:
        value = value.target
    return value


def _loop(state: State, pipeline: Pipeline, value: Any, body: Run) -> bool:
    """Run the body for each element; tells if there was one."""
    count, assigns = len(pipeline.variables), pipeline.assigns
    elements, boxed = _elements(state, value, count)
    names = pipeline.variables
    bindings: list[Binding] = []
    if count and not assigns:
        bindings = state.variables[-count:]
        bindings[-1].boxed = boxed
    mark, ran = len(state.variables), False
    for key, element in elements:
        ran = True
        state.meter.iterate()
        if bindings:
            bindings[-1].value = element
            bindings[0].value = key if count > 1 else element
        elif assigns:
            _assign(state, names, key, element, boxed=boxed)
        state.boxed = boxed
        try:
            body(state, element)
        except _ContinueLoop:
            pass
        except _BreakLoop:
            break
        del state.variables[mark:]
    return ran


def _assign(state: State, names: Sequence[str], key: Any, element: Any, *, boxed: bool) -> None:
    """Set variables that were there before the loop."""
    if len(names) > 1:
        binding = state.variable(names[0])
        binding.value, binding.boxed = key, False
    binding = state.variable(names[-1])
    binding.value, binding.boxed = element, boxed


def _elements(state: State, value: Any, count: int) -> tuple[Iterable[tuple[Any, Any]], bool]:
    """Give keys and elements, and whether these are of type interface {} to Go."""
    if value is INVALID:
        return (), False
    go_type = type_of(value)
    boxed = go_type.element is not None and go_type.element.kind is Kind.INTERFACE
    if isinstance(value, list):
        return enumerate(value), boxed
    if isinstance(value, dict):
        return ((key, value[key]) for key in sorted_keys(value)), boxed
    if isinstance(value, bytes):
        return enumerate(map(Uint8, value)), boxed
    if go_type.kind not in INTEGERS:
        raise state.failure(f"range can't iterate over {sprint([value], state.meter)}")
    if count > 1:
        raise state.failure(f"can't use {int(value)} to iterate over more than one variable")
    return _numbers(value), False


def _numbers(end: int) -> Iterator[tuple[Any, Any]]:
    """Count from zero, in the type of the end."""
    go_type = type_of(end)
    for number in range(end):
        yield INVALID, sized(go_type, number)
