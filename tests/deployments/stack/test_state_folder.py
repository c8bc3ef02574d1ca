import os
import stat

import pytest

from deployments.errors import StateInUse
from deployments.stack.state_folder import StateFolder

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path):
    state = StateFolder(tmp_path / "state")
    state.acquire()
    yield state
    state.release()


def test_what_is_remembered_is_there_in_the_next_run(folder):
    folder.remember({"nats_port": 1234})
    folder.release()
    again = StateFolder(folder.path)
    assert again.remembered() == {"nats_port": 1234}


def test_the_token_stays_the_same(folder):
    password = folder.password("prefect")
    folder.remember({"passwords": {"prefect": password}})
    assert StateFolder(folder.path).password("prefect") == password
    assert folder.password("platform") not in (password, folder.password("platform"))


def test_only_the_owner_can_read_it(folder):
    folder.remember({"passwords": {"prefect": "secret"}})
    assert stat.S_IMODE(folder.memory.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_memory_that_was_cut_short_counts_as_none(folder):
    folder.memory.write_text('{"nats_port": 12')
    assert folder.remembered() == {}


def test_a_second_stack_is_refused_and_told_who_has_the_folder(folder):
    with pytest.raises(StateInUse, match=rf"process {os.getpid()}\).*--state"):
        StateFolder(folder.path).acquire()


def test_a_released_folder_can_be_used_again(folder):
    folder.release()
    other = StateFolder(folder.path)
    other.acquire()
    assert folder.locked()
    other.release()
    assert not folder.locked()
