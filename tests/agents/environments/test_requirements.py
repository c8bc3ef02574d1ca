"""What an agent may ask for: pins with hashes, and nothing that reaches pip in another way."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.environments.package_index import machine_index
from agents.environments.requirements import EnvironmentRefused, canonical, read_pins

ONE, TWO = "a" * 64, "B" * 64


def test_pins_are_read_as_the_usual_tools_write_them() -> None:
    text = f"""\
# made by a tool
Tiny.Greeting==1.0.0 ; python_version >= "3.8" \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{TWO}
    # via -r requirements.in
other[extra]==2.0 --hash=sha256:{ONE}
"""
    pins = read_pins(text)
    assert [pin.name for pin in pins] == ["other", "tiny-greeting"]
    assert pins[1].hashes == (ONE, TWO.lower())
    assert canonical(pins) == canonical(read_pins(canonical(pins)))
    assert canonical(pins).splitlines()[0] == f"other[extra]==2.0 --hash=sha256:{ONE}"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("requests", "line 2: 'requests' is not pinned to one version"),
        (f"requests>=2 --hash=sha256:{ONE}", "is not pinned to one version"),
        (f"requests==2.* --hash=sha256:{ONE}", "is not pinned to one version"),
        ("requests==2.32.0", "has no --hash=sha256"),
        ("requests==2.32.0 --hash=md5:abc", "only hashes of kind sha256"),
        (f"requests @ https://example.org/x.whl --hash=sha256:{ONE}", "comes from an address"),
        ("--index-url https://example.org/simple", "the file holds pins only"),
        ("--extra-index-url=https://example.org/simple", "the file holds pins only"),
        ("-r more.txt", "the file holds pins only"),
        ("-e .", "the file holds pins only"),
        (
            f"requests==2.32.0 --hash=sha256:{ONE} --config-settings=x=y",
            "the option '--config-settings=x=y' is refused",
        ),
        ("./local.whl", "is no requirement"),
        (f"tiny==1.0 --hash=sha256:{ONE}", "names 'tiny' twice"),
    ],
)
def test_everything_else_is_refused_with_its_line(line: str, says: str) -> None:
    with pytest.raises(EnvironmentRefused) as refused:
        read_pins(f"tiny==1.0 --hash=sha256:{ONE}\n{line}\n")
    assert says in str(refused.value)


def test_a_file_without_a_pin_is_refused() -> None:
    with pytest.raises(EnvironmentRefused, match="names no package"):
        read_pins("# nothing yet\n")


def test_the_index_is_the_one_that_pip_is_set_up_with(tmp_path: Path) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = http://127.0.0.1:1/simple\ntrusted-host = 127.0.0.1\n")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    environment = {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": str(settings),
        "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:2/more",
        "PIP_FIND_LINKS": f"{wheels} {tmp_path / 'missing'}",
        "COMMANDCENTER_PACKAGE_HOSTS": "files.example.org:443",
    }
    found = machine_index(environment)
    assert (found.url, found.further) == ("http://127.0.0.1:1/simple", ("http://127.0.0.1:2/more",))
    assert found.hosts == ("127.0.0.1:1", "127.0.0.1:2", "files.example.org:443")
    assert found.folders == (wheels,)
    assert machine_index(environment | {"PIP_INDEX_URL": "http://127.0.0.1:3/x"}).hosts[0] == "127.0.0.1:3"
