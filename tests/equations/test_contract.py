"""The order of a product: how much is computed for long chains, and what comes out."""

from chainrule.equations.code.contract import Operand, Workshop, contraction_code
from chainrule.equations.formulas.forms import Named
from chainrule.equations.formulas.series_parallel import Edge, Graph, reduce_graph, reduced_form
from chainrule.equations.nodes.nodes import Pool


def _lengths_asked(factors: int) -> int:
    asked = 0

    def length(label: int) -> float:
        nonlocal asked
        asked += 1
        return 2.0 + label % 3

    chain = [Operand("W", (label, label + 1)) for label in range(factors)]
    code, _ = contraction_code(chain, (0, factors), Workshop(length))
    assert code.count("W") == factors
    return asked


def test_order_of_long_chain_takes_linear_work() -> None:
    """Every pair is priced once, and again only when a join changed it."""
    assert _lengths_asked(80) < 2.5 * _lengths_asked(40)


class _Watched(Edge):
    read = 0

    def __getattribute__(self, name: str) -> object:
        if name == "a":
            _Watched.read += 1
        return super().__getattribute__(name)


def _edges_read(factors: int) -> int:
    """How often edges are looked at while uᵀ W ... W v is taken apart."""
    graph = Graph((), dict.fromkeys(range(factors + 1), "n"), set(range(factors + 1)))
    form = Named(2, Pool().symbol("W", ("n", "n")))
    for label in range(factors):
        graph.connect(_Watched(label, label + 1, form))
    _Watched.read = 0
    while reduce_graph(graph):
        pass
    assert not graph.edges
    reduced_form(graph)
    return _Watched.read


def test_taking_a_chain_apart_reads_edges_at_a_vertex_only() -> None:
    """A scan of all edges for every vertex of every step would be cubic: 8 times."""
    assert _edges_read(40) < 5 * _edges_read(20)
