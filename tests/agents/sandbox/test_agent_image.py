"""An agent's `image.toml`: what it may ask for, what is refused, and which backend gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.sandbox import admission
from agents.sandbox.agent_image import AgentImage, ImageRefused, read_agent_image
from agents.sandbox.port import AgentRequest

DIGEST = "sha256:" + "0a" * 32
HASH = "--hash=sha256:" + "0b" * 32


def asks(folder: Path, text: str, **files: str) -> Path:
    (folder / "image.toml").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.txt").write_text(content)
    return folder


def test_without_the_file_an_agent_runs_in_what_the_worker_has(tmp_path: Path) -> None:
    assert read_agent_image(tmp_path) is None


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        (f"python@{DIGEST}", "docker.io"),
        (f"team/python:3.12@{DIGEST}", "docker.io"),
        (f"ghcr.io/team/python@{DIGEST}", "ghcr.io"),
        (f"localhost:5000/python@{DIGEST}", "localhost:5000"),
        ("pandas.tar", ""),
        ("roots/debian-12", ""),
    ],
)
def test_an_image_is_one_of_a_registry_by_its_digest_or_one_of_the_operators_folder(
    image: str, registry: str, tmp_path: Path
) -> None:
    found = read_agent_image(asks(tmp_path, f'image = "{image}"\npython = "/usr/bin/python3.12"\n'))
    assert found == AgentImage(image=image, python="/usr/bin/python3.12")
    assert found.registry == registry


def test_packages_are_read_with_their_hashes_in_one_order_whatever_the_files_layout(tmp_path: Path) -> None:
    text = f"# made by a tool\nzeta[x]==2 \\\n    {HASH} \\\n    {HASH}\n\nalpha==1.0.post1 {HASH}  # via zeta\n"
    found = read_agent_image(asks(tmp_path, 'requirements = "locked.txt"\n', locked=text))
    assert found == AgentImage(requirements=f"alpha==1.0.post1 {HASH}\nzeta[x]==2 {HASH} {HASH}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image = python", "not valid TOML"),
        ('image = "python:3.12"', "not an image by its digest"),
        ('image = "/root"', "not an image by its digest"),
        ('image = "roots/../../etc"', "not an image by its digest"),
        ("image = 3", "not an image by its digest"),
        (f'image = "python@{DIGEST}"\npython = "python3"', "not an absolute path"),
        ('requirements = "../other.txt"', "file of the agent"),
        ('requirements = "missing.txt"', "file of the agent"),
        ("", "names neither an image nor requirements"),
        ('command = "sh"', "unknown key 'command'"),
        pytest.param(f'image = "{"a" * 300_000}"', "more than 200,000 bytes", id="large"),
    ],
)
def test_anything_else_is_refused_with_what_and_where(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match=words):
        read_agent_image(asks(tmp_path, text))


@pytest.mark.parametrize(
    "line",
    [
        "requests",
        "requests==2.0",
        f"requests>=2.0 {HASH}",
        f"--index-url=http://10.0.0.1/ {HASH}",
        f"requests @ http://10.0.0.1/x.whl {HASH}",
        "-r /etc/passwd",
        f"requests==2.0 {HASH} --config-settings=x=y",
    ],
)
def test_a_package_without_version_and_hash_or_from_elsewhere_is_refused(line: str, tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="is not NAME==VERSION with its --hash"):
        read_agent_image(asks(tmp_path, 'requirements = "locked.txt"\n', locked=f"{line}\n"))


def test_a_sandbox_without_images_refuses_the_agent_before_anything_is_started(tmp_path: Path) -> None:
    request = AgentRequest(
        run_id="run",
        node_id="node",
        entry_path=str(asks(tmp_path, f'image = "python@{DIGEST}"')),
        action="run",
        inputs={},
        result_schema=None,
    )
    refused = admission.refuse(request)
    assert refused is not None
    assert refused.kind == "bad-request"
    assert "SANDBOX=dagger" in refused.message
    assert admission.refuse(request, own_images=True) is None
    (tmp_path / "image.toml").write_text("image = 3")
    broken = admission.refuse(request, own_images=True)
    assert broken is not None
    assert "image.toml" in broken.message
