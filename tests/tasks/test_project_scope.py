"""Secrets, settings and repositories of one project are no other's, whatever name a workflow asks by."""

from pathlib import Path

from tasks.project_scope import gets_the_shared, roots_of, secrets_of, settings_of
from tasks.secrets import EnvironmentSecrets, FileSecrets

VARIABLES = {
    "COMMANDCENTER_SECRET_TOKEN": "everybody's",
    "COMMANDCENTER_SECRET_PROJECT_1_TOKEN": "of one",
    "COMMANDCENTER_SECRET_PROJECT_2_TOKEN": "of two",
    "COMMANDCENTER_SECRET_PROJECT_2_ONLY": "of two alone",
}


async def test_no_name_of_one_project_opens_a_secret_of_another(tmp_path: Path) -> None:
    (tmp_path / "PROJECT_2_FILE").write_text("file of two")
    (tmp_path / "SHARED").write_text("file of all")
    sources = (EnvironmentSecrets(VARIABLES), FileSecrets(tmp_path))

    async def asks(project: int, name: str, *, shared: bool) -> str | None:
        for place in secrets_of(sources, project, shared=shared):
            if (value := await place.get(name)) is not None:
                return value
        return None

    assert await asks(1, "TOKEN", shared=True) == "of one"
    assert await asks(2, "TOKEN", shared=True) == "of two"
    assert await asks(3, "TOKEN", shared=True) == "everybody's"
    assert await asks(3, "TOKEN", shared=False) is None
    assert await asks(3, "SHARED", shared=False) is None
    assert await asks(2, "FILE", shared=False) == "file of two"
    for name in (
        "ONLY",
        "FILE",
        "PROJECT_2_ONLY",
        "PROJECT_2_FILE",
        "project_2_TOKEN",
        "../PROJECT_2_FILE",
        "",
        "A/B",
    ):
        assert await asks(1, name, shared=True) is None, name
    # What begins like another's number is not it.
    assert await asks(22, "ONLY", shared=True) is None


def test_settings_are_the_projects_own_before_those_of_all() -> None:
    given = {"SMTP_HOST": "shared", "PROJECT_2_SMTP_HOST": "two", "PROJECT_22_SMTP_HOST": "twenty-two"}
    assert settings_of(given, 1, shared=True) == {"SMTP_HOST": "shared"}
    assert settings_of(given, 2, shared=True) == {"SMTP_HOST": "two"}
    assert settings_of(given, 2, shared=False) == {"SMTP_HOST": "two"}
    assert settings_of(given, 3, shared=False) == {}


def test_a_shared_folder_that_holds_another_projects_repositories_is_nobodys(tmp_path: Path) -> None:
    source, other = tmp_path / "src", tmp_path / "other"
    (source / "two").mkdir(parents=True)
    other.mkdir()
    (tmp_path / "link").symlink_to(source / "two")
    for own in (source / "two", tmp_path / "link"):
        environment = {"COMMANDCENTER_REPOSITORIES_PROJECT_2": str(own)}
        assert roots_of((source, other), 1, shared=True, environment=environment) == (other,)
        assert roots_of((source, other), 2, shared=True, environment=environment) == (own,)
    assert roots_of((source,), 1, shared=False, environment={}) == ()
    assert roots_of((source,), 1, shared=True, environment={"COMMANDCENTER_REPOSITORIES_PROJECT_1": ""}) == ()


def test_in_production_what_names_no_project_is_the_first_ones_alone() -> None:
    assert gets_the_shared(7, {})
    production = {"COMMANDCENTER_MODE": "production"}
    assert gets_the_shared(1, production)
    assert not gets_the_shared(2, production)
    assert gets_the_shared(2, {**production, "COMMANDCENTER_PROJECT_ID": "2"})
    assert not gets_the_shared(2, {"COMMANDCENTER_MODE": "prodution"})
