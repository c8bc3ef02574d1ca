import json

import pytest

from api import PeopleError, load_people, token_digest


async def test_nobody_gets_in_without_a_known_token(as_person):
    stranger = as_person(None)
    for path in ("/agents", "/workflows", "/runs", "/approvals", "/runs/x", "/workflows/x"):
        for header in (None, "Bearer", "Bearer wrong", "Bearer ann-tokenx", "Basic YW5uOnRva2Vu"):
            answer = await stranger.get(path, headers={"Authorization": header} if header else {})
            assert answer.status_code == 401, (path, header)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "Authorization: Bearer" in answer.json()["detail"]


def test_people_are_a_file_of_token_digests(tmp_path):
    path = tmp_path / "people.json"
    path.write_text(json.dumps({token_digest("t"): {"name": "Ann", "projectId": 3}}))
    person = load_people(path)[token_digest("t")]
    assert (person.name, person.projectId) == ("Ann", 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "Invalid JSON"),
        ('{"plain-token": {"name": "Ann", "projectId": 1}}', "should match pattern"),
        (json.dumps({token_digest("t"): {"name": "Ann"}}), "projectId"),
        (json.dumps({token_digest("t"): {"name": "Ann", "projectId": 1, "admin": True}}), "admin"),
    ],
)
def test_a_wrong_list_of_people_is_refused_without_showing_it(tmp_path, content, says):
    path = tmp_path / "people.json"
    path.write_text(content)
    with pytest.raises(PeopleError) as caught:
        load_people(path)
    assert says in str(caught.value)
    assert "plain-token" not in str(caught.value)


def test_a_missing_list_of_people_is_said_so(tmp_path):
    with pytest.raises(PeopleError, match="cannot be read"):
        load_people(tmp_path / "none.json")


async def test_somebody_of_the_file_is_admin_unless_it_names_roles(tmp_path):
    path = tmp_path / "people.json"
    entries = {
        token_digest("t"): {"name": "Ann", "projectId": 3},
        token_digest("u"): {"name": "Bob", "projectId": 3, "roles": ["viewer"]},
    }
    path.write_text(json.dumps(entries))
    people = load_people(path)
    assert [people[token_digest(token)].roles for token in "tu"] == [("admin",), ("viewer",)]
