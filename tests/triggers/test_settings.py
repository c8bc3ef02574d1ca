import pytest

from triggers.settings import SettingsError, TriggerSettings


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("NATS_URL", "nats://broker:4222")
    monkeypatch.setenv("COMMANDCENTER_MAX_EVENT_BYTES", "1000")
    settings = TriggerSettings.load()
    assert (settings.nats_url, settings.max_event_bytes) == ("nats://broker:4222", 1000)


@pytest.mark.parametrize(("name", "value"), [("EVENTS_AT_ONCE", "zero"), ("MAX_EVENT_DEPTH", "0")])
def test_a_value_that_cannot_be_used_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"COMMANDCENTER_{name}", value)
    with pytest.raises(SettingsError, match=f"the environment variable COMMANDCENTER_{name} cannot be used"):
        TriggerSettings.load()
