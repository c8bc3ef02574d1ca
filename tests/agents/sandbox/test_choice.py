"""The names of the backends, wherever somebody reads or sets them."""

from __future__ import annotations

import pytest

from agents.sandbox.choice import BACKENDS, DEFAULT, UnknownSandbox, open_sandbox
from reliability.settings import WorkerSettings


def test_the_setting_and_its_text_name_every_backend() -> None:
    field = WorkerSettings.model_fields["sandbox"]
    assert field.default == DEFAULT
    assert not [each for each in BACKENDS if f"`{each}`" not in (field.description or "")]


@pytest.mark.parametrize("name", BACKENDS)
def test_every_name_opens_its_own_backend(name: str) -> None:
    assert type(open_sandbox(name, environment={})).__name__.lower().startswith(name)


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownSandbox, match=", ".join(BACKENDS)):
        open_sandbox("chroot")
