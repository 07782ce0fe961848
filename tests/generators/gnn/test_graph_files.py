"""Graphs from files of every kind, and every way they can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from gatewright.errors import InputError
from gatewright.generators.gnn import graph_files, text_edges
from gatewright.generators.gnn.graph_files import Reading, gather, open_edges, read_graph

EDGES = [(0, 1), (0, 1), (4, 2), (3, 3), (1, 0)]
SRC, DST = (np.array(ends) for ends in zip(*EDGES, strict=True))
MATRIX = sparse.coo_array((np.ones(5), (SRC, DST)), shape=(6, 6))
DISTINCT = sorted(set(EDGES))


def edges_of(path: Path, reading: Reading | None = None) -> tuple[int, list[tuple[int, int]]]:
    graph = read_graph(path, reading)
    assert graph.src.dtype == graph.dst.dtype == np.int32
    return graph.vertices, list(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))


@pytest.mark.parametrize("kind", ["u1", "i1", "<i2", ">u4", "<i8", "<u8"])
def test_npz_of_any_integers(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "g.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, n=np.int16(6), src=SRC.astype(kind), dst=DST.astype(kind))
        assert edges_of(path) == (6, EDGES)
        save(path, src=SRC.astype(kind), dst=DST.astype(kind))
        assert edges_of(path) == (5, EDGES)


def test_npz_of_other_layouts(tmp_path: Path) -> None:
    path = tmp_path / "g.npz"
    for pairs in (np.stack([SRC, DST]), np.asfortranarray(np.stack([SRC, DST]))):
        np.savez(path, edge_index=pairs, num_nodes=7)
        assert edges_of(path) == (7, EDGES)
    sparse.save_npz(path, MATRIX)
    assert edges_of(path) == (6, EDGES)
    for matrix in (MATRIX.tocsr(), MATRIX.tocsc()):
        sparse.save_npz(path, matrix)
        vertices, edges = edges_of(path)
        assert (vertices, sorted(edges)) == (6, DISTINCT)
    csr = MATRIX.tocsr()
    np.savez(path, indptr=csr.indptr, indices=csr.indices)
    assert (edges_of(path)[0], sorted(edges_of(path)[1])) == (6, DISTINCT)


TEXTS = {
    "spaces.txt": "# a comment\n0 1\n0\t1  0.5 more\n\n4   2\r\n% another\n3 3\n1 0",
    "commas.txt": "0,1\n0 , 1,nan\n4,2\n3,3\n1,0\n",
    "plain.csv": "0,1,\n0,1,\n4,2,x y\n3,3,\n1,0,\n",
    "named.csv": "weight,target,Source\n,1,0\n,1,0\n0.5,2,4\n,3,3\n,0,1\n",
    "bom.csv": "\ufeffsrc,dst\n0,1\n0,1\n4,2\n3,3\n1,0\n",
    "tabs.tsv": "0\t1\n0\t1\n4\t2\n3\t3\n1\t0\n",
    "zeros.el": "000 0000000001\n0 1\n4 2\n3 3\n1 0\n",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, piece: int) -> None:
    if piece > 1 or "named" not in name:  # the names must be in the first piece
        monkeypatch.setattr(text_edges, "PIECE", max(piece, 40))
    path = tmp_path / name
    path.write_text(TEXTS[name])
    assert edges_of(path) == (5, EDGES)
    zipped = tmp_path / f"{name}.gz"
    zipped.write_bytes(gzip.compress(TEXTS[name].encode()))
    assert edges_of(zipped) == (5, EDGES)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2**31 - 2), st.integers(0, 10**4))), st.integers(60, 150))
def test_texts_in_pieces(tmp_path: Path, edges: list[tuple[int, int]], piece: int) -> None:
    path = tmp_path / "g.txt"
    path.write_text("".join(f"{src} {dst} {src * dst}e-3\n" for src, dst in edges))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_edges, "PIECE", piece)
        assert edges_of(path)[1] == edges


def test_matrix_market(tmp_path: Path) -> None:
    from scipy.io import mmwrite

    path = tmp_path / "g.mtx"
    mmwrite(path, MATRIX)  # adds equal entries up
    vertices, edges = edges_of(path)
    assert (vertices, sorted(edges)) == (6, DISTINCT)
    path.write_text(
        "%%MatrixMarket matrix coordinate pattern symmetric\n% c\n\n3 3 3\n1 1\n2 1\n3 2\n"
    )
    assert sorted(edges_of(path)[1]) == [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1)]
    path.write_text("%%MatrixMarket matrix coordinate integer general\n4 4 0\n")
    assert edges_of(path) == (4, [])


@pytest.mark.filterwarnings("ignore:Sparse")
def test_torch(tmp_path: Path) -> None:
    path = tmp_path / "g.pt"
    pairs = torch.tensor(EDGES).T
    for value, vertices in (
        (pairs, 5),
        (pairs.to(torch.int16), 5),
        ({"edge_index": pairs, "num_nodes": 9}, 9),
        ({"edge_index": pairs, "x": torch.zeros(8, 3)}, 8),
        (torch.sparse_coo_tensor(pairs, torch.ones(5), (6, 6)), 6),
    ):
        torch.save(value, path)
        assert edges_of(path) == (vertices, EDGES)
    matrix = torch.sparse_coo_tensor(pairs, torch.ones(5), (6, 6)).coalesce()
    for value in (matrix.to_sparse_csr(), matrix.to_sparse_csc()):
        torch.save(value, path)
        assert sorted(edges_of(path)[1]) == DISTINCT


def test_readings(tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_text("1 2\n3 3\n")
    assert edges_of(path, Reading(one_based=True)) == (3, [(0, 1), (2, 2)])
    assert edges_of(path, Reading(vertices=4)) == (4, [(1, 2), (3, 3)])
    assert edges_of(path, Reading(reverse=True)) == (4, [(2, 1), (3, 3)])
    assert edges_of(path, Reading(undirected=True)) == (4, [(1, 2), (3, 3), (2, 1)])


@pytest.mark.parametrize("name", ["g.txt", "g.csv"])
def test_files_without_edges(tmp_path: Path, name: str) -> None:
    for text in ("", "\n\n", "# nothing\n"):
        (tmp_path / name).write_text(text)
        assert edges_of(tmp_path / name) == (0, [])
    assert edges_of(tmp_path / name, Reading(vertices=3)) == (3, [])
    np.savez(tmp_path / "g.npz", n=0, src=np.zeros(0, np.int64), dst=np.zeros(0, np.int64))
    assert edges_of(tmp_path / "g.npz") == (0, [])


def test_pieces_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse.save_npz(tmp_path / "csr.npz", MATRIX.tocsr())
    np.savez(tmp_path / "pairs.npz", edge_index=np.asfortranarray(np.stack([SRC, DST])))
    np.savez(tmp_path / "ends.npz", src=SRC, dst=DST)
    torch.save(torch.tensor(EDGES).T, tmp_path / "g.pt")
    for path in sorted(tmp_path.iterdir()):
        whole = edges_of(path)
        monkeypatch.setattr(graph_files, "STEP", 2)
        assert {len(src) for src, _ in open_edges(path).chunks(2)} <= {1, 2}
        assert edges_of(path) == whole
        monkeypatch.undo()


REAL = "%%MatrixMarket matrix coordinate real general"
BAD_TEXTS = [
    ("g.txt", "0 1\n2\n", r"g\.txt:2: line must hold a source and a destination, not '2'"),
    ("g.txt", "0 1\n\n# c\n2 -3\n", r"g\.txt:4: dst must be a whole number from 0 to .* not '-3'"),
    ("g.txt", "1.5 1\n", r"g\.txt:1: src must be a whole number from 0 to 2147483647, not '1\.5'"),
    ("g.txt", "0 nan\n", r"g\.txt:1: dst must be a whole number .*, not 'nan'"),
    ("g.txt", "0 2147483648\n", r"dst must be a whole number from 0 to 2147483647, not"),
    ("g.txt", "0 2147483647\n", r"dst must be a vertex from 0 to 2147483646, not 2147483647 at"),
    ("g.txt", "0 99999999999999999999\n", r"dst must be .*, not '99999999999999999999'"),
    ("g.csv", "0,,1\n", r"g\.csv:1: line must hold a source and a destination, not '0,,1'"),
    ("g.csv", "0,1\n0 1,2\n", r"g\.csv:2: line must hold .*, not '0 1,2'"),
    ("g.csv", "a,dst\n0,1\n", r"g\.csv:1: names must have one of src, .* for src, not a, dst"),
    ("g.csv", "src,dst,to\n0,1,1\n", r"names must have one of dst, .* for dst, not src, dst, to"),
    ("g.mtx", "0 1\n", r"must begin with '%%MatrixMarket matrix coordinate \.\.\.', not '0 1'"),
    ("g.mtx", "%%MatrixMarket matrix array real general\n2 2\n", "format must be coordinate, not"),
    ("g.mtx", "%%MatrixMarket matrix coordinate real odd\n", "symmetry must be one of .*, not 'od"),
    ("g.mtx", f"{REAL}\n", "must tell rows, columns and ent"),
    ("g.mtx", f"{REAL}\n2 3 0\n", "must be square, .* 2 x 3"),
    ("g.mtx", f"{REAL}\n2 2 1\n0 1\n", "row must be from 1 t"),
    ("g.mtx", f"{REAL}\n2 2 2\n1 1\n", "must have the 2 entr"),
    ("g.mtx", f"{REAL}\n2 2 1\n1 3\n", "column must be from 1"),
]


@pytest.mark.parametrize(("name", "text", "line"), BAD_TEXTS)
def test_bad_texts(tmp_path: Path, name: str, text: str, line: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=line):
        read_graph(tmp_path / name)


def test_bad_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_edges, "PIECE", 64)
    for name, data, line in (
        ("g.txt.gz", b"0 1\n", "g.txt.gz must be a readable file: Not a gzipped file"),
        ("g.txt.gz", gzip.compress(b"0 1\n" * 99)[:-9], "must be a readable file: Compressed file"),
        ("g.txt", b"\0\xff 1\n", "src must be a whole number"),
        ("g.txt", b"x" * 200, "must be text of lines, not 'xxxx"),
        ("g.npz", b"PK\3\4", "must be an archive of arrays, and cannot be read as one"),
        ("g.pt", b"PK\3\4", "must hold an edge_index or a dict with one"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=line):
            read_graph(tmp_path / name)


ONES = np.ones(3, np.int64)
BAD_ARRAYS = [
    ({}, "must hold one of src and dst, row and col, edge_index, .*, not no array"),
    ({"src": ONES}, "must hold one of .*, not src"),
    ({"src": ONES, "dst": ONES[:2]}, "dst must have the 3 entries of src, not 2"),
    ({"src": ONES, "dst": ONES * 0.5}, "dst must hold integers, not float64"),
    ({"src": ONES > 0, "dst": ONES}, "src must hold integers, not bool"),
    ({"src": ONES, "dst": -ONES}, "dst must be a vertex from 0 to 2147483646, not -1 at index 0"),
    ({"src": ONES, "dst": ONES.astype("u8") << 63}, "dst must be a vertex .*, not 9223372036854"),
    ({"n": 1, "src": ONES * 0, "dst": ONES}, "dst must be a vertex from 0 to 0, not 1 at index 0"),
    ({"n": -1, "src": ONES, "dst": ONES}, r"n must be from 0 to 2147483647, not \[-1\]"),
    ({"n": 1.0, "src": ONES, "dst": ONES}, "n must hold integers, not float64"),
    ({"n": np.arange(99), "src": ONES, "dst": ONES}, "n must be a few numbers, not 99 of int64"),
    ({"src": ONES[None], "dst": ONES[None]}, r"src must have one dimension, not shape \[1, 3\]"),
    ({"edge_index": ONES}, r"edge_index must be of shape \[2, edges\], not \[3\]"),
    ({"edge_index": np.ones((3, 2), int)}, r"edge_index must be of shape .*, not \[3, 2\]"),
    ({"row": ONES, "col": ONES, "shape": [2, 3]}, r"shape must be that of a square .*\[2, 3\]"),
    ({"indptr": [0, 2, 1, 3], "indices": ONES}, "indptr must ascend .* be 1 at index 2"),
    ({"indptr": [1, 2, 3], "indices": ONES}, "indptr must ascend from 0 .* be 1 at index 0"),
    ({"indptr": [0, 1, 2], "indices": ONES}, "from 0 to the 3 indices, not be 2 at index 2"),
    ({"indptr": [0, 3], "indices": ONES}, "dst must be a vertex from 0 to 0, not 1 at index 0"),
    ({"indptr": [0, 3], "indices": ONES, "n": 2}, "indptr must have 3 entries, not 2"),
    ({"indptr": [0, 3], "indices": ONES, "format": "bsr"}, "format must be csr, .*, not 'bsr'"),
    ({"src": np.array([None]), "dst": ONES}, "src must hold integers, not object"),
]


@pytest.mark.parametrize(("arrays", "line"), BAD_ARRAYS)
def test_bad_arrays(tmp_path: Path, arrays: dict, line: str) -> None:
    np.savez(tmp_path / "g.npz", **arrays)
    with pytest.raises(InputError, match=line):
        read_graph(tmp_path / "g.npz")


def test_bad_tensors(tmp_path: Path) -> None:
    path = tmp_path / "g.pt"
    pairs = torch.tensor(EDGES).T
    for value, line in (
        (pairs.T, r"edge_index must be of shape \[2, edges\], not \[5, 2\]"),
        (pairs.float(), "edge_index must hold integers, not torch.float32"),
        (pairs > 1, "edge_index must hold integers, not torch.bool"),
        ({"edges": pairs}, "edge_index must be a tensor, not NoneType"),
        ([1], "edge_index must be a tensor, not list"),
        ({"edge_index": pairs, "num_nodes": 4}, "src must be a vertex from 0 to 3, not 4 at index"),
        ({"edge_index": pairs, "num_nodes": 4.0}, "num_nodes must be .*, not 4.0"),
        (torch.zeros(3, 4).to_sparse(), r"sparse matrix must be square, not of shape \[3, 4\]"),
        (Path("x"), "must hold an edge_index or a dict with one"),
    ):
        torch.save(value, path)
        with pytest.raises(InputError, match=line):
            read_graph(path)


def test_bad_names_and_readings(tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_text("0 1\n")
    (tmp_path / "g.mtx").write_text(f"{REAL}\n2 2 0\n")
    for name, reading, line in (
        ("g.json", Reading(), r"graph must be a file \(\.npz, .*\), not '.*g\.json'"),
        ("g.npz.gz", Reading(), "graph must be a file"),
        ("none.txt", Reading(), "none.txt must be a readable file: No such file"),
        ("none.npz", Reading(), "none.npz must be a readable file: No such file"),
        ("none.pt", Reading(), "none.pt must be a readable file: No such file"),
        ("g.txt", Reading(one_based=True), "src must be a vertex from 1 to .*, not 0 at index 0"),
        ("g.txt", Reading(vertices=1), "dst must be a vertex from 0 to 0, not 1 at index 0"),
        ("g.txt", Reading(vertices=-1), "vertices must be a whole number from 0 to .*, not -1"),
        ("g.mtx", Reading(vertices=1), "vertices must be at least the 2 of .*g.mtx, not 1"),
        ("g.mtx", Reading(one_based=True), "one-based must be left out for Matrix Market"),
    ):
        with pytest.raises(InputError, match=line):
            read_graph(tmp_path / name, reading)


def test_a_tensor_file_runs_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "touched",)

    torch.save({"edge_index": Evil()}, tmp_path / "g.pt")
    with pytest.raises(InputError, match="no other classes"):
        read_graph(tmp_path / "g.pt")
    assert not (tmp_path / "touched").exists()


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    np.savez(tmp_path / "g.npz", src=SRC, dst=DST)
    told: list[tuple[str, float, float]] = []
    gather(open_edges(tmp_path / "g.npz"), lambda *step: told.append(step))
    assert told[-1] == ("read", 5, 5)
