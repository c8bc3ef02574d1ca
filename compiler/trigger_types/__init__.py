"""Trigger specs and events in; whether the trigger is valid and whether the event matches out."""
