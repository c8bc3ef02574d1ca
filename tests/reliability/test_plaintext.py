"""Which addresses would be spoken to in plain text over a network."""

from __future__ import annotations

import pytest

from reliability.plaintext import Part, PlaintextRefused, refuse_plain_listener, refuse_plaintext


@pytest.mark.parametrize(
    ("part", "url"),
    [
        ("nats", "nats://u:top-secret@nats.example.org:4222"),
        ("nats", "nats.example.org:4222"),
        ("nats", "tls://a.example.org,nats://b.example.org"),
        ("nats", "tls://a.example.org,b.example.org"),
        ("nats", "ws://nats.example.org"),
        ("nats", "nats://localhost.example.org"),
        ("prefect", "http://10.0.0.7:4200/api"),
        ("prefect", "HTTP://127.0.0.1.example.org/api"),
        ("database", "postgresql://u:top-secret@db.example.org/records"),
        ("database", "postgresql+psycopg://u:p@db.example.org/records?sslmode=prefer"),
        ("database", "postgres://u:p@127.0.0.1:5432,db.example.org/records"),
        ("database", "postgresql://u:p@/records?host=db.example.org"),
        ("database", "postgresql://u:p@127.0.0.1/records?hostaddr=10.0.0.7"),
        ("database", "postgresql://u:p@db.example.org/records?sslmode=disable"),
        ("database", "postgresql://u:p@[fd00::1]:5432/records"),
    ],
)
def test_plain_text_to_another_machine_is_refused_in_a_sentence(
    part: Part, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    with pytest.raises(PlaintextRefused, match="plain text") as refused:
        refuse_plaintext(url, part, {})
    assert "top-secret" not in str(refused.value)
    for others in ("", "no", "prefect2", "api"):
        with pytest.raises(PlaintextRefused):
            refuse_plaintext(url, part, {"COMMANDCENTER_ALLOW_PLAINTEXT": others})
    for allowed in ("yes", f"api, {part}"):
        refuse_plaintext(url, part, {"COMMANDCENTER_ALLOW_PLAINTEXT": allowed})


@pytest.mark.parametrize(
    ("part", "url"),
    [
        ("nats", "tls://u:p@nats.example.org:4222"),
        ("nats", "nats://u:p@127.0.0.1:4222,nats://[::1]:4223"),
        ("prefect", "https://prefect.example.org/api"),
        ("prefect", "http://localhost:4200/api"),
        ("prefect", ""),
        ("database", "sqlite:////var/lib/records.db"),
        ("database", "postgresql://u:p@db.example.org/records?sslmode=verify-full"),
        ("database", "postgresql+asyncpg://u:p@db.example.org/prefect?ssl=require"),
        ("database", "postgresql://u:p@/records?host=/var/run/postgresql"),
        ("database", "postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/records"),
        ("database", "postgresql://u:p@127.0.0.2:5432/records"),
    ],
)
def test_tls_and_this_machine_are_all_right(part: Part, url: str) -> None:
    refuse_plaintext(url, part, {})


def test_a_server_for_other_machines_has_tls() -> None:
    for host in ("0.0.0.0", "", "::", "10.0.0.7", "cc.example.org"):
        with pytest.raises(PlaintextRefused, match="COMMANDCENTER_TLS_CERT"):
            refuse_plain_listener(host, "api", tls=False, environment={})
        refuse_plain_listener(host, "api", tls=True, environment={})
        refuse_plain_listener(host, "api", tls=False, environment={"COMMANDCENTER_ALLOW_PLAINTEXT": "api"})
    for host in ("127.0.0.1", "localhost", "::1"):
        refuse_plain_listener(host, "api", tls=False, environment={})
