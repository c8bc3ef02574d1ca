"""Manifests: what round-trips, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.registration import network
from agents.registration.manifest import ManifestError, from_json, to_json
from agents.runtime.description import describe
from agents.runtime.loading import load
from agents.sdk.agent import Agent

ODD = Path(__file__).parents[1] / "odd_agent"


@pytest.fixture
def manifest():
    agent = load(str(ODD))
    assert isinstance(agent, Agent)
    return describe(agent)


def test_a_manifest_survives_the_way_to_json_and_back(manifest):
    spec = from_json(manifest, entry_path=str(ODD), code_digest="sha256:1")

    assert from_json(to_json(spec)) == spec
    assert spec.action_risk("act") == "AUTO"


def test_names_may_be_written_in_camel_case_but_not_in_both_ways(manifest):
    spelled = manifest | {"memoryMb": manifest["memory_mb"], "codeDigest": "sha256:1"}
    del spelled["memory_mb"]
    action = dict(manifest["actions"][0])
    schema = {"type": "object", "properties": {"inputSchema": {"type": "string"}}}
    action["inputSchema"] = schema
    del action["input_schema"]
    spec = from_json(spelled | {"actions": [action]})
    assert (spec.memory_mb, spec.code_digest) == (manifest["memory_mb"], "sha256:1")
    assert spec.actions[action["name"]].input_schema == schema
    with pytest.raises(ManifestError, match="'memory_mb' twice, once as 'memoryMb'"):
        from_json(manifest | {"memoryMb": 64})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "Not A Name"}, "name: String should match"),
        ({"type": "ROBOT"}, "type: Input should be"),
        ({"version": "one"}, "version: String should match"),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"network": ["anything"]}, "write host:port"),
        ({"network": ["*:443"]}, "write host:port"),
        ({"network": ["*.{HOST}:443"]}, "write host:port"),
        ({"network": ["{HOST"]}, "write host:port"),
        ({"secrets": ["lower"]}, "secrets.0: String should match"),
        ({"memory_mb": 1}, "memory_mb"),
        ({"timeout_seconds": 3600}, "timeout_seconds"),
        ({"actions": []}, "actions"),
    ],
)
def test_a_bad_manifest_is_refused_with_the_field(manifest, change, sentence):
    with pytest.raises(ManifestError, match=sentence):
        from_json({**manifest, **change})


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"$ref": "https://example.org/schema"}, "points outside"),
        ({"properties": {"a": [{"$ref": "file:///etc/passwd"}]}}, "points outside"),
        ({"type": "nonsense"}, "is not a JSON Schema"),
    ],
)
def test_a_bad_schema_is_refused(manifest, schema, sentence):
    action = {**manifest["actions"][0], "input_schema": schema}

    with pytest.raises(ManifestError, match=sentence):
        from_json({**manifest, "actions": [action]})


def test_two_actions_of_one_name_are_refused(manifest):
    with pytest.raises(ManifestError, match="twice"):
        from_json({**manifest, "actions": [manifest["actions"][0]] * 2})


def test_what_is_no_manifest_at_all_is_refused():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for rubbish in (None, 3, "x", [], {"a": object()}, {"name": "x" * 2_000_000}, deep):
        with pytest.raises(ManifestError):
            from_json(rubbish)


def test_hosts_come_from_settings_or_defaults_or_are_left_out():
    entries = ("{API|https://api.example.org/v1}", "{MAIL_HOST}:{MAIL_PORT|587}", "fixed.example.org:22")

    assert network.resolve(entries, {}) == ("api.example.org:443", "fixed.example.org:22")
    assert network.resolve(entries, {"API": "http://127.0.0.1:9/x", "MAIL_HOST": "mail"}) == (
        "127.0.0.1:9",
        "mail:587",
        "fixed.example.org:22",
    )


def test_a_setting_that_is_no_host_is_named():
    with pytest.raises(ValueError, match=r"'\{API\}' gives 'no host', which is not host:port"):
        network.resolve(("{API}",), {"API": "no host"})
