"""Images: records have the layouts of the hardware, tensors come back, programs survive disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.generators.gnn import image as image_module
from gatewright.generators.gnn.codes import put_input, take_output
from gatewright.generators.gnn.image import INTERVAL_TYPE, LAST, SHARD_TYPE, build_image, digest
from gatewright.generators.gnn.presets import PRESETS
from gatewright.hw.gnn.records import BLOCK_BYTES, INTERVAL, SHARD, Phase
from gatewright.verification.gnn.image_reader import read_intervals, read_lists, read_pass
from gatewright.verification.gnn.records import Records
from gatewright.verification.gnn.workloads import make_workload

TINY = PRESETS["tiny"]


def work(model="gcn aggregate", graph="karate"):
    return make_workload(model, graph, TINY, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("layout", "dtype"), [(INTERVAL, INTERVAL_TYPE), (SHARD, SHARD_TYPE)], ids=["interval", "shard"]
)
def test_records_are_those_of_the_hardware(layout, dtype):
    random = np.random.default_rng(0).integers(0, 256, dtype.itemsize, np.uint8)
    record = np.frombuffer(random.tobytes(), dtype)[0]
    bits = layout.from_bits(int.from_bytes(random.tobytes(), "little"))
    assert layout.size == 8 * dtype.itemsize
    for name in dtype.names:
        if name == "shards":
            for i in range(2):
                for inner in ("first", "count", "reserved"):
                    assert record[name][i][inner] == bits[name][i][inner]
        elif name == "flags":
            assert record[name] == bits["last"] | bits["reserved0"] << 1
        else:
            assert record[name] == bits[name]


def test_shards_in_memory_are_those_of_the_partition():
    made = work("gat 1 head", "multigraph")
    for number, each in enumerate(made.program.passes):
        found = read_pass(made.image.memory, 128 * number, TINY)
        for round_, partition in enumerate(each.partitions):
            if partition is None:
                continue
            rows, edges = partition.source_start, partition.edge_start
            first = int(found.intervals["shards"]["first"][0, round_])
            for shard in range(partition.counts.shards):
                lists = read_lists(made.image.memory, found, first + shard, round_, TINY)
                sources = partition.sources[rows[shard] : rows[shard + 1]]
                assert np.array_equal(lists.sources, sources)
                words = partition.words[edges[shard] : edges[shard + 1]]
                assert np.array_equal(lists.dst << 16 | lists.src, words)


def test_tensors_come_back():
    image = build_image(work().program)
    place = image.tensors["input"]
    values = np.random.default_rng(1).integers(-128, 128, (place.rows, place.elements))
    image.write("input", values)
    assert np.array_equal(image.read("input"), values)
    assert place.block * BLOCK_BYTES % BLOCK_BYTES == 0 and place.stride % TINY.bus_bytes == 0
    with pytest.raises(InputError, match="input must fit I8"):
        image.write("input", values + 200)
    with pytest.raises(InputError, match="input must be of shape"):
        image.write("input", values[1:])


def test_rows_are_by_place_inside_and_by_vertex_outside():
    made = work()
    order = np.random.default_rng(2).permutation(34).astype(np.int32)
    program = replace(made.program, order=order, output=made.program.input,
                      output_columns=tuple(range(10)))
    image = build_image(program)
    codes = np.random.default_rng(3).integers(-128, 128, (34, 10))
    put_input(program, image, codes)
    assert np.array_equal(image.read("input")[:, :10], codes[order])
    assert np.array_equal(take_output(program, image), codes)
    codes[4, 2] = 128
    with pytest.raises(InputError, match=r"input must be in -128..127, not 128 at \[4, 2\]"):
        put_input(program, image, codes)


def test_intervals_end_with_the_last_one():
    made = work(graph="crowd")
    found = read_pass(made.image.memory, 0, TINY).intervals
    assert found["rows"].sum() == made.program.vertices
    assert found["flags"].tolist() == [0] * (len(found) - 1) + [LAST]
    records = Records(made.image)
    block = int(records.passes[0]["interval_block"])
    records.intervals(0)["flags"] = 0
    memory = records.image.memory[: (block + len(found)) * BLOCK_BYTES]
    with pytest.raises(InputError, match=r"intervals from block \d+ on must be last"):
        read_intervals(memory, block)


def test_a_phase_begins_in_the_code():
    records = Records(work().image)
    code = len(read_pass(records.image.memory, 0, TINY).code)
    records.passes[0]["pc"][Phase.APPLY1.value] = code
    with pytest.raises(InputError, match=f"of APPLY1 must be below {code}, not {code}$"):
        read_pass(records.image.memory, 0, TINY)


def test_an_interval_of_too_many_shards_is_refused(monkeypatch):
    program = work(graph="multigraph").program
    most = max(np.diff(each.shard_start).max() for each in program.passes[0].partitions if each)
    monkeypatch.setattr(image_module, "_MOST_SHARDS", most)
    build_image(program)
    monkeypatch.setattr(image_module, "_MOST_SHARDS", most - 1)
    with pytest.raises(InputError, match=f"at most {most - 1} shards, and interval .* {most}:"):
        build_image(program)


def test_digests_tell_engines_apart():
    seen = {digest(each) for each in PRESETS.values()}
    seen.add(digest(replace(TINY, threads=3)))
    assert len(seen) == len(PRESETS) + 1
