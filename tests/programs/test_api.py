import ast
import inspect
import re
from collections import defaultdict

import pytest

from lightning_ouro.programs import prelude, source
from lightning_ouro.programs.api import KEPT, NAMES, PRELUDE, PRIVATE, STUB
from lightning_ouro.programs.forbidden import MODULES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.type_check import TypeChecker


def own(owner):
    """The names that a module or class of the API defines itself."""
    members = {**vars(owner), **getattr(owner, "__annotations__", {})}
    modules = {name: getattr(member, "__module__", None) for name, member in members.items()}
    return {name for name in members if inspect.isclass(owner) or modules[name] == prelude.__name__}


def members(tree):
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id, node


def test_the_stub_has_every_public_name_and_no_private_one():
    stub = dict(members(ast.parse(STUB)))
    assert set(stub) == {name for name in own(prelude) if not name.startswith("_")} == NAMES
    for name, node in stub.items():
        if isinstance(node, ast.ClassDef):
            public = {member for member in own(getattr(prelude, name)) if not member.startswith("_")}
            assert {member for member, _ in members(node)} == public, name
    assert not re.search(r"\b_\w", STUB)


def test_the_stub_has_every_signature_and_docstring_but_no_bodies():
    bodies = ast.parse(PRELUDE)
    functions = defaultdict(list)  # `count` is a function and a method
    for node in ast.walk(bodies):
        if isinstance(node, ast.FunctionDef):
            functions[node.name].append(described(node))
    outlines = [node for node in ast.walk(ast.parse(STUB)) if isinstance(node, ast.FunctionDef)]
    assert len(outlines) > 15
    for node in outlines:
        assert ast.unparse(node.body[1]) == "..."
        assert len(node.body) == 2
        assert node.returns is not None
        assert described(node) in functions[node.name]


def described(node):
    returned = ast.unparse(node.returns) if node.returns else ""
    return ast.unparse(node.args), returned, ast.get_docstring(node)


def test_programs_must_not_name_what_the_sandbox_uses():
    private = {name for name in own(prelude) if name.startswith("_") and not name.startswith("__")}
    assert private <= PRIVATE
    for name in PRIVATE:
        assert source.read(f"def answer(scene):\n    return {name}(1)\n").reason == "forbidden"


def test_programs_must_not_redefine_what_reads_their_answers():
    assert {"isinstance", "type", "tuple", "str", "int", "float", "len", "ValueError", "Exception"} <= KEPT
    assert not KEPT & NAMES


def test_everything_a_program_can_call_is_documented():
    tree = ast.parse(STUB)
    defined = [
        node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
    ]
    assert all(ast.get_docstring(node) for node in defined)
    for node in tree.body:
        fields = (
            [name for name, child in members(node) if isinstance(child, ast.AnnAssign)]
            if hasattr(node, "body")
            else []
        )
        listed = (
            re.findall(r"^    (\w+): ", ast.get_docstring(node, clean=True) or "", re.MULTILINE)
            if fields
            else []
        )
        assert listed in ([], fields), node.name
        assert listed == fields or node.name == "Answer"


def examples():
    """The code between backquotes in the docstrings of functions and classes."""
    documented = [
        node for node in ast.walk(ast.parse(STUB)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    ]
    texts = [ast.get_docstring(node) or "" for node in documented]
    return sorted({code for text in texts for code in re.findall(r"`([^`]+)`", text)})


@pytest.mark.parametrize("example", examples())
def test_code_in_docstrings_fits_the_api(sandbox, example):
    parameters = {"scene": "ProgramScene", "first": "Camera", "second": "Camera"}
    names = ["scene", *(node.arg for node in ast.walk(ast.parse(STUB)) if isinstance(node, ast.arg))]
    typed = [f"{name}: {parameters.get(name, 'Object')}" for name in dict.fromkeys(names) if name != "self"]
    program = f"def use({', '.join(typed)}):\n    return {example}\ndef answer(scene):\n    return count(1)\n"
    assert TypeChecker(sandbox._workers, 10).check([source.read(program)]) == [None]


def test_the_stub_names_the_modules_that_can_be_imported():
    sentence = re.search(r"It may import ([^;]+);", STUB)[1]
    assert set(re.findall(r"\w+", sentence)) - {"and"} == set(MODULES) - {"__future__"}


CALLS = [
    "metres(scene.distance(scene.objects[0], scene.objects[1]))",
    "metres(scene.unique('sofa').longest_side)",
    "centimetres(100 * scene.all('chair')[0].height)",
    "square_metres(scene.floor_area)",
    "count(scene.count('chair'))",
    "choice('left', among=['left', 'right'])",
    "choice('left', ('left', 'right'))",
    "metres(scene.direction(scene.objects[0], scene.objects[1], scene.objects[2]) / 90 + 1)",
    "metres(1 + len(scene.path(scene.objects[0], scene.objects[1])))",
    "count(int(scene.is_straight(scene.objects[0], scene.objects[1])))",
    "count(len(scene.cameras) + len(scene.objects[0].size) + len(scene.objects[0].center))",
]


@pytest.mark.parametrize("call", CALLS)
def test_calls_that_fit_the_stub_run(sandbox, room, call):
    outcome = sandbox.run(f"def answer(scene):\n    return {call}\n", LoadedScene([scene_geometry(room)]))
    assert outcome.failure is None


def test_programs_are_checked_against_the_stub(sandbox):
    seen = []

    class Workers:
        def session(self, set_up, seconds, **options):
            seen.append(options)
            return sandbox._workers.session(set_up, seconds, **options)

    TypeChecker(Workers(), 10).check([source.read("def answer(scene):\n    return count(1)\n")])
    assert [options["type_check_stubs"] for options in seen] == [STUB]
    assert seen[0]["type_check"]
