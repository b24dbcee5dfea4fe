"""Counts what Python code does with texts and lists: characters and items touched, never seconds.

`count_steps()` puts a loader in front of the others, which rewrites the package's modules as they are
imported: each loop, slice, concatenation, f-string, `in`, and method call of a text or a list adds what
it costs to one sum. A copy of all that came before, however quick memcpy is, so counts in full.
What C code does inside (a regular expression, libxml2, libyaml) counts as its argument's length; the
other half of the test, which limits processor time at a larger size, is there for these.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

PACKAGE = "omconf"
_TEXTS = (str, bytes)
_ORDERED = (str, bytes, list, tuple)
_CONSTANT = frozenset({"startswith", "endswith", "append", "pop", "isascii"})
_MAKES = frozenset({"list", "tuple", "set", "frozenset", "dict", "sorted", "bytes"})
_WALKS = frozenset({"min", "max", "sum", "any", "all"})


class Steps:
    """The sum, and the functions that rewritten code calls."""

    def __init__(self) -> None:
        self.sum = 0

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        """Walk items, one step each."""
        for item in items:
            self.sum += 1
            yield item

    def tick(self) -> None:
        """Count a turn of a `while`."""
        self.sum += 1

    def made(self, value: Any) -> Any:
        """Count what was made or copied."""
        if isinstance(value, (*_ORDERED, dict, set, frozenset)):
            self.sum += len(value)
        return value

    def searched(self, value: Any) -> Any:
        """Count what `in` goes through; a dictionary and a set it does not."""
        if isinstance(value, _ORDERED):
            self.sum += len(value)
        return value

    def grown(self, value: Any, more: Any) -> Any:
        """Count `+=`: a text or a tuple is copied, a list is not."""
        if isinstance(value, (str, bytes, tuple)):
            self.sum += len(value)
        return self.made(more)

    def called(self, on: Any, name: str, /, *args: Any, **named: Any) -> Any:
        """Call a method and count what it goes through."""
        if name == "join" and isinstance(on, _TEXTS):
            args = (list(args[0]),)
        result = getattr(on, name)(*args, **named)
        if isinstance(on, (*_TEXTS, list)) and name not in _CONSTANT:
            self.sum += self._of_sequence(on, name, args, result)
        elif isinstance(on, re.Pattern) or on is re:
            self.sum += self._of_pattern(on, args, result)
        elif name in ("update", "union", "difference", "copy", "extend", "most_common"):
            self.made(result if result is not None else args[0])
        return result

    def _of_sequence(self, on: Sequence[Any], name: str, args: tuple[Any, ...], result: Any) -> int:
        if name == "extend":
            return len(args[0]) if hasattr(args[0], "__len__") else 1
        if name == "join":
            return len(result) + len(args[0])
        if name in ("find", "rfind", "index", "rindex", "count") and isinstance(on, _TEXTS):
            start, end, _ = slice(*(*args[1:3], None, None)[:2]).indices(len(on))
            if name in ("find", "index") and result >= 0:
                return int(result) - start + 1
            return end - int(result) if name[0] == "r" and result >= 0 else max(0, end - start) + 1
        return len(on) + (len(result) if hasattr(result, "__len__") else 0)

    def _of_pattern(self, on: Any, args: tuple[Any, ...], result: Any) -> int:
        if (
            on is not re and len(args) > 1 and isinstance(args[1], int)
        ):  # a match at a place, of which little is read
            return 1 + (result.end() - args[1] if result else 0)
        return sum(len(text) for text in args if isinstance(text, _TEXTS))


class _Rewriter(ast.NodeTransformer):
    """Puts the calls of `Steps` into a module."""

    def _call(self, name: str, *args: ast.expr, like: ast.AST) -> ast.expr:
        steps = ast.Name("__steps__", ast.Load())
        called = ast.Call(ast.Attribute(steps, name, ast.Load()), list(args), [])
        return ast.fix_missing_locations(ast.copy_location(called, like))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value:
            node.value = self.visit(node.value)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        node.value = self.visit(node.value)
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.body = [self.visit(statement) for statement in case.body]
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        return self._call("made", node, like=node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        sums = isinstance(node.op, (ast.Add, ast.BitOr))
        return self._call("made", node, like=node) if sums else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.BitOr)):
            target = ast.parse(ast.unparse(node.target), mode="eval").body
            node.value = self._call("grown", target, node.value, like=node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        cut = isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load)
        return self._call("made", node, like=node) if cut else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        node.comparators = [
            self._call("searched", value, like=value)
            if isinstance(op, (ast.In, ast.NotIn)) and not isinstance(value, ast.Tuple)
            else value
            for op, value in zip(node.ops, node.comparators, strict=True)
        ]
        return node

    def _display(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        parts = node.keys if isinstance(node, ast.Dict) else node.elts
        copies = any(part is None or isinstance(part, ast.Starred) for part in parts)
        loaded = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        return self._call("made", node, like=node) if copies and loaded else node

    visit_List = _display  # noqa: N815 - ast's names
    visit_Tuple = _display  # noqa: N815
    visit_Set = _display  # noqa: N815
    visit_Dict = _display  # noqa: N815

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = self._call("each", node.iter, like=node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.iter = self._call("each", node.iter, like=node.iter)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(self._call("tick", like=node)))
        return ast.fix_missing_locations(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            name = ast.Constant(node.func.attr)
            called = self._call("called", node.func.value, name, *node.args, like=node)
            assert isinstance(called, ast.Call)
            called.keywords = node.keywords
            return ast.fix_missing_locations(called)
        if isinstance(node.func, ast.Name) and node.func.id in _MAKES:
            return self._call("made", node, like=node)
        if isinstance(node.func, ast.Name) and node.func.id in _WALKS and len(node.args) == 1:
            node.args = [self._call("made", node.args[0], like=node)]
        return node


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        source = self.get_data(self.path)
        tree = _Rewriter().visit(ast.parse(source, self.path))
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        found = PathFinder.find_spec(fullname, path, target)
        if found and isinstance(found.loader, SourceFileLoader):
            found.loader = _Loader(fullname, found.loader.path)
        return found


def count_steps() -> Steps:
    """Rewrite the package's modules from now on; none may be imported yet."""
    assert not any(name.partition(".")[0] == PACKAGE for name in sys.modules)
    steps = Steps()
    builtins.__steps__ = steps  # type: ignore[attr-defined]
    sys.meta_path.insert(0, _Finder())
    return steps
