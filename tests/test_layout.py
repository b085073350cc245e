"""The design as tests: import ranks, no cycles, a light import, public names."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import chainrule

ROOT = Path(chainrule.__file__).parent
RANKS = {
    0: {
        "errors",
        "special",
        "parameters",
        "objective",
        "options",
        "whole_file",
        "decimals",
        "gamma",
        "arrays",
        "near_misses",
        "numerals",
        "drawing",
    },
    1: {"equations", "network", "checking", "optimize", "data"},
    2: {"catalogue"},
    3: {"diagnosis", "training", "persistence", "distributed", "plotting"},
    4: {"estimators", "reports", "testing", "grading"},
    5: {"cli", "pytest_plugin", "web"},
}
# The public face: modules that only re-export, beside the package itself.
FACE = {"__init__", "__main__", "activations", "losses", "penalties", "optimizers"}
RANK_OF = {folder: rank for rank, folders in RANKS.items() for folder in folders}
# Inside the equations, each room on those before it.
FLOORS = ["language", "nodes", "calculus", "formulas", "code"]
HEAVY = [
    "scipy.optimize",
    "sklearn",
    "matplotlib",
    "dask",
    "numba",
    "starlette",
    "torch",
    "jax",
    "rich",
    "click",
    "pyarrow",
    "narwhals",
    "pandas",
    "polars",
]


def _room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "chainrule":
                yield from (f"chainrule.{alias.name}" for alias in node.names)
            else:
                yield node.module


def _internal_imports():
    for path in sorted(ROOT.rglob("*.py")):
        for module in _imports(path):
            if module.split(".")[0] == "chainrule":
                yield path, module


def test_every_module_stands_in_a_rank():
    rooms = {_room(path) for path in ROOT.rglob("*.py")} - FACE
    assert rooms <= set(RANK_OF), f"no rank for {sorted(rooms - set(RANK_OF))}"


def test_imports_go_to_lower_ranks_or_the_own_folder():
    wrong = []
    for path, module in _internal_imports():
        source, parts = _room(path), module.split(".")
        if source in FACE:
            continue
        target = parts[1] if len(parts) > 1 else "__init__"
        lower = target in RANK_OF and RANK_OF[target] < RANK_OF[source]
        lower = lower or (RANK_OF[source] == 0 and target in RANKS[0])  # the joints build on each other
        if not (lower or target == source or (target == "__init__" and RANK_OF[source] == max(RANKS))):
            wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_the_rooms_of_the_equations_build_on_each_other():
    wrong = []
    for path, module in _internal_imports():
        parts, own = module.split("."), path.relative_to(ROOT).parts
        if own[0] != "equations" or len(own) < 3 or parts[1] != "equations":
            continue
        target = parts[2] if len(parts) > 2 else "__init__"
        if target not in FLOORS or FLOORS.index(target) > FLOORS.index(own[1]):
            wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong, "\n".join(wrong)


def _cycle(graph):
    done, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        path.append(name)
        for other in sorted(graph.get(name, ())):
            if found := visit(other):
                return found
        path.pop()
        done.add(name)
        return None

    return next((found for name in sorted(graph) if (found := visit(name))), None)


def test_modules_import_each_other_without_cycles():
    modules = {
        ".".join(("chainrule", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for path in ROOT.rglob("*.py")
    }
    graph = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(("chainrule", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        graph[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names} & modules
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    graph[name] |= {full if full in modules else node.module} & modules
        graph[name].discard(name)
    assert _cycle({"a": {"b"}, "b": {"a"}}) == ["a", "b", "a"]
    assert _cycle(graph) is None


def test_importing_chainrule_is_light():
    code = "import sys, json, chainrule; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(json.loads(out))
    assert not [name for name in HEAVY if name in loaded]


def test_training_a_network_needs_no_equations():
    code = "import sys, json, chainrule.cli.train; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not [
        name for name in json.loads(out) if name.startswith(("chainrule.equations", "chainrule.diagnosis"))
    ]


WITHOUT_ARRAYS = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "scipy"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from chainrule import Equations
model = Equations('''
data x: R[p]; y: Class[K]; t: R
parameters W: R[K, p]; w: R[p]; A: R[p, p]; k: R
f = W @ x
L = logsumexp(f) - f[y] + norm2(inv(A) @ w) + erf(k)**t + sum(i * x[i]**2 for i in p)
''')
assert str(model) and model.shape_of("f") == ("K",)
for order in (1, 2):
    found = model.derive("L", order=order, explain=True)
    for text in (str(found), found.latex(), found.mathml(), found.markdown(), found.sheet(), found.explain()):
        assert "W" in text
    assert found.to_dict() and Equations(found.sheet())
assert model.derive("L", form="batch") and model.hessian_product("L")
names = ["L", "dL/dW", "d(d(L, k), k)"]
print(model.compile(names).source, model.compile(names, target="array_api").source)
sys.argv[1:] = ["derive", "-", "--code"]
from chainrule.cli.main import main
main()
"""


def test_deriving_printing_and_writing_code_need_no_arrays():
    sheet = "data x: R[p]; parameters w: R[p]; L = sin(w.T @ x)"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ARRAYS], input=sheet, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("def function(") == 3


def test_public_names_resolve():
    for name in chainrule.__all__:
        assert getattr(chainrule, name) is not None
    assert "ChainruleError" in chainrule.__all__
