"""One word, one meaning: rules about names that no linter knows (docs/glossary.md)."""

import ast
from collections import defaultdict

from tests.architecture.test_code_rules import product_sources

# Verbs that need an object: what is noted, told, asked for or forgotten?
BARE_VERBS = {"ask", "forget", "note", "tell", "told"}
# What Django finds by its name.
NAMED_BY_DJANGO = {"Command"}


def functions(tree: ast.Module):
    return (
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for name, tree in product_sources():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name not in NAMED_BY_DJANGO:
                places[node.name].append(name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_function_is_a_bare_verb():
    found = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in product_sources()
        for node in functions(tree)
        if node.name.strip("_") in BARE_VERBS
    ]
    assert found == []


def test_the_first_line_of_every_module_says_what_it_is():
    found = []
    for name, tree in product_sources():
        if not tree.body or name.endswith("apps.py"):
            continue
        first = (ast.get_docstring(tree) or "").split("\n")[0]
        if len(first.split()) < 3 or first[-1] not in ".:?`":
            found.append(f"{name}: {first!r}")
    assert found == []
