"""Settings of a forge that are kept as code -> whether its main branch asks for a review.

Looked at: `.github/settings.yml` (the Settings app), rulesets as GitHub exports them (`.github/rulesets/*.json`), and
Terraform. The forge itself is not asked: this agent reaches no network.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any, cast

import yaml

from agents.builtin.compliance_checker.checks import Found, Place
from agents.builtin.compliance_checker.infrastructure import judge
from agents.builtin.compliance_checker.repository_files import RepositoryFiles, TextFile

_MAIN = frozenset({"main", "master", "trunk", "default"})


def unprotected(files: RepositoryFiles) -> Found:
    """Settings under which a change of the main branch needs no review; None where there are none to look at."""
    looked: list[list[Place] | None] = [judge(files, "branches")]
    for file in files.files:
        if file.name in (".github/settings.yml", ".github/settings.yaml"):
            looked.append(_settings(file))
    rulesets = [
        file for file in files.files if file.name.startswith(".github/rulesets/") and file.suffix == ".json"
    ]
    looked.append(_rulesets(rulesets))
    known = [places for places in looked if places is not None]
    return [place for places in known for place in places] if known else None


def _settings(file: TextFile) -> list[Place] | None:
    try:
        top: Any = yaml.load(file.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    branches = _list(_dict(top).get("branches"))
    named = [_dict(branch) for branch in branches if _dict(branch).get("name")]
    if not named:
        return None
    main = [branch for branch in named if branch["name"] in _MAIN] or named[:1]
    return [
        Place(file.name, f"branch {str(branch['name'])[:80]!r} takes changes without a review")
        for branch in main
        if not _asks(_dict(branch.get("protection")).get("required_pull_request_reviews"))
    ]


def _rulesets(files: list[TextFile]) -> list[Place] | None:
    """One ruleset that holds is enough: others may be about tags or other branches."""
    broken: list[Place] = []
    for file in files:
        try:
            ruleset = _dict(json.loads(file.text))
        except (ValueError, RecursionError):
            continue
        if ruleset.get("target", "branch") != "branch" or not _is_about_main(ruleset):
            continue
        parameters = [
            _dict(_dict(rule).get("parameters"))
            for rule in _list(ruleset.get("rules"))
            if _dict(rule).get("type") == "pull_request"
        ]
        if ruleset.get("enforcement") == "active" and any(_asks(one or {"": 0}) for one in parameters):
            return []
        broken.append(Place(file.name, "the ruleset asks for no review, or is not enforced"))
    return broken or None


def _is_about_main(ruleset: dict[str, Any]) -> bool:
    """Whether the main branch is among those that it names; without names it is about none, as the forge has it."""
    names = _dict(_dict(ruleset.get("conditions")).get("ref_name"))
    included, excluded = ([str(each) for each in _list(names.get(key))] for key in ("include", "exclude"))
    mains = ["~DEFAULT_BRANCH", *(f"refs/heads/{name}" for name in sorted(_MAIN))]
    about, without = (
        any(_means(each, main) for each in named for main in mains) for named in (included, excluded)
    )
    return about and not without


def _means(pattern: str, branch: str) -> bool:
    return pattern in ("~ALL", branch) or fnmatchcase(branch, pattern.replace("**/", "*"))


def _asks(reviews: Any) -> bool:
    """Whether an approval is needed: the forge's default is one."""
    if not isinstance(reviews, dict):
        return False
    count: Any = cast("dict[str, Any]", reviews).get("required_approving_review_count", 1)
    return isinstance(count, int) and count >= 1


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
