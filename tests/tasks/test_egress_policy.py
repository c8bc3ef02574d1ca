"""The operator's list of what agents of a project may reach."""

from __future__ import annotations

import pytest

from tasks.egress_policy import refused_hosts

NETWORK = ("hooks.slack.com:443", "api.example.org:443", "example.org:443", "10.0.0.5:25")


@pytest.mark.parametrize(
    ("environment", "refused"),
    [
        ({}, ()),
        ({"COMMANDCENTER_EGRESS": ""}, NETWORK),
        ({"COMMANDCENTER_EGRESS": "hooks.slack.com:443, *.example.org:443"}, ("example.org:443", "10.0.0.5:25")),
        ({"COMMANDCENTER_EGRESS": "10.0.0.5:*,HOOKS.slack.com:443,example.org:*"}, ("api.example.org:443",)),
        ({"COMMANDCENTER_EGRESS": "hooks.slack.com:80"}, NETWORK),
        ({"COMMANDCENTER_EGRESS": "*:443"}, NETWORK),
        ({"COMMANDCENTER_EGRESS": "ample.org:443,*.slack.com.evil:443"}, (*NETWORK[:2], *NETWORK[2:])),
        # A project's own list stands instead of the general one.
        ({"COMMANDCENTER_EGRESS": "x.example:1", "COMMANDCENTER_EGRESS_PROJECT_1": "10.0.0.5:25"}, NETWORK[:3]),
        ({"COMMANDCENTER_EGRESS_PROJECT_2": "10.0.0.5:25"}, ()),
    ],
)
def test_hosts_that_the_operator_does_not_list_are_refused(
    environment: dict[str, str], refused: tuple[str, ...]
) -> None:
    assert refused_hosts(NETWORK, 1, environment) == refused
