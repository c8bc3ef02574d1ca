"""`trigger: {schedule: CRON}`: Prefect's clock starts the runs."""

from __future__ import annotations

from compiler.catalogue import JsonSchema
from compiler.language.document import Path
from compiler.language.spec import ScheduleSpec
from compiler.plan import ScheduleTrigger
from compiler.trigger_types.daylight_saving import daylight_saving_warnings
from compiler.trigger_types.schedule import cron_fault, cron_surprises, timezone_fault
from compiler.trigger_types.subjects import SCHEDULE_CONTEXT
from compiler.trigger_types.trigger_type import Findings, TriggerType

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class ScheduleType(TriggerType[ScheduleSpec, ScheduleTrigger]):
    """Cron in a time zone."""

    word = "schedule"
    written = ScheduleSpec
    planned = ScheduleTrigger

    def plan(self, trigger: ScheduleSpec, declared: JsonSchema | None) -> ScheduleTrigger:
        """As it is written."""
        del declared
        return ScheduleTrigger(cron=trigger.schedule, timezone=trigger.timezone, missed=trigger.missed)

    def context(self, trigger: ScheduleSpec, declared: JsonSchema | None) -> JsonSchema | None:
        """Nobody gives anything to such a run; it knows when it was due."""
        del trigger, declared
        return SCHEDULE_CONTEXT

    def check(self, trigger: ScheduleSpec, path: Path, declared: JsonSchema | None, found: Findings) -> None:
        """CC702, CC703, CC709 and CC710."""
        fault = cron_fault(trigger.schedule)
        if fault:
            named = _NAMED.get(trigger.schedule.strip())
            hint = f'write "{named}"' if named else 'for example "0 9 * * 1": Mondays at nine'
            found.at((*path, "schedule"), "CC702", f"the schedule is no cron expression: {fault}", hint)
        for surprise in [] if fault else cron_surprises(trigger.schedule):
            found.at((*path, "schedule"), "CC709", f"the schedule runs more rarely than it seems: {surprise}")
        zone = timezone_fault(trigger.timezone)
        if zone:
            found.at((*path, "timezone"), "CC703", zone[0], zone[1])
        elif not fault:
            for warning in daylight_saving_warnings(trigger.schedule, trigger.timezone):
                found.at((*path, "schedule"), "CC710", warning, "choose another time of day, or UTC")

    def label(self, trigger: ScheduleTrigger) -> str:
        """With its cron and zone."""
        return f"{self.word} {trigger.cron} {trigger.timezone}"

    def widened(self, old: ScheduleTrigger, new: ScheduleTrigger) -> str:
        """Other times are always other runs."""
        same_times = old == new.model_copy(update={"missed": old.missed})
        return "treats missed runs in another way" if same_times else "runs at other times"
