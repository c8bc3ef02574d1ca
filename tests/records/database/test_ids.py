"""Identifiers of runs, known before their rows are."""

from __future__ import annotations

import re
from uuid import uuid4

from records.database.ids import id_of_flow_run, new_id


def test_a_flow_run_has_one_id_on_record_and_no_other_has_it() -> None:
    flow_runs = [str(uuid4()) for _ in range(2_000)]
    ids = [id_of_flow_run(each) for each in flow_runs]
    assert ids == [id_of_flow_run(each) for each in flow_runs]
    assert len(set(ids)) == len(ids)


def test_it_has_the_shape_of_a_cuid() -> None:
    shape = re.compile(r"[a-z][a-z0-9]{23}")
    assert shape.fullmatch(new_id())
    assert all(shape.fullmatch(id_of_flow_run(str(each))) for each in range(2_000))
