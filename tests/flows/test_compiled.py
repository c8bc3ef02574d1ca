"""Entrypoints of deployments name workflows one to one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import compiled, entrypoints

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", fullmatch=True)


@given(names)
def test_a_name_comes_back_from_its_entrypoint(name: str) -> None:
    entrypoint = entrypoints.entrypoint(name)
    module, _, attribute = entrypoint.rpartition(".")
    assert module == "flows.compiled"
    assert entrypoints.workflow_name(attribute) == name


@given(names, names)
def test_two_workflows_never_share_an_entrypoint(one: str, other: str) -> None:
    assert (entrypoints.entrypoint(one) == entrypoints.entrypoint(other)) == (one == other)


def test_the_mission_workflow_has_the_expected_entrypoint_and_flow() -> None:
    assert entrypoints.entrypoint("security-audit-deploy") == "flows.compiled.security_audit_deploy"
    assert compiled.security_audit_deploy.name == "security-audit-deploy"
    assert compiled.security_audit_deploy is compiled.security_audit_deploy


def test_no_workflow_is_hidden_by_a_name_of_the_module() -> None:
    assert [name for name in vars(compiled) if not name.startswith("_")] == []
    assert compiled.cache.name == "cache"


@pytest.mark.parametrize("attribute", ["__path__", "__wrapped__", "_x", "Zu_x", "Z-", "a b", ""])
def test_other_attributes_of_the_module_do_not_exist(attribute: str) -> None:
    with pytest.raises(AttributeError):
        getattr(compiled, attribute)
