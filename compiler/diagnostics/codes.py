"""All error codes of the compiler, with cause and fix. `docs/reference/diagnostics.md` is generated from this table.

A code keeps its meaning for ever; one that is no longer reported is not used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of error or warning."""

    code: str
    title: str
    cause: str
    fix: str
    severity: Severity = "error"


_ALL = (
    # 1xx: the file as YAML
    Code(
        "CC101",
        "The file cannot be read",
        "It is missing, not a regular file, larger than 4 MB, or not UTF-8.",
        "Check the path; save the file as UTF-8; split a workflow that large.",
    ),
    Code(
        "CC102",
        "A forbidden character",
        "YAML allows no control characters, some readers end a line at U+0085, U+2028 or a lone carriage return, and"
        " no text of a workflow may hold NUL.",
        "Remove the character; it is usually a leftover of copying.",
    ),
    Code(
        "CC103",
        "Not YAML",
        "The parser stops here: a quote or bracket is not closed, the indentation is off, a tab indents.",
        "Look at this line and the one above it; put texts with `{{`, `: ` or ` #` in quotes.",
    ),
    Code(
        "CC104",
        "Too deep or too many values",
        "A workflow is nested at most 60 levels deep and has at most 250,000 lines and 400,000 values.",
        "Flatten the value, or split the workflow.",
    ),
    Code(
        "CC105",
        "Alias, anchor or merge key",
        "`&name`, `*name` and `<<` can make a small file a huge value, and hide what a node really does.",
        "Write the value out at each place.",
    ),
    Code(
        "CC106",
        "A YAML tag",
        "`!tag` and `!!type` ask a reader to build objects; a workflow is plain data.",
        "Leave the tag out; put text in quotes.",
    ),
    Code(
        "CC107",
        "More than one document",
        "`---` starts a second document; a file holds one workflow.",
        "Put the second workflow into a file of its own.",
    ),
    Code("CC108", "An empty file", "There is nothing but comments or white space.", "Write `name:` and `nodes:`."),
    Code(
        "CC109",
        "A key that is not text",
        "Keys are names; a number, a list or an unquoted template is not a name.",
        "Put the key in quotes, or the template in quotes where it is the value.",
    ),
    Code(
        "CC110",
        "An ambiguous value",
        "YAML 1.1 and 1.2 read it differently: `no`, `on`, `1e3`, `012`, `12:30`, `2026-01-01`, `1_000`.",
        "Put it in quotes where text is meant; else write `true`, `false` or a plain number.",
    ),
    Code(
        "CC111",
        "A key given twice",
        "Most readers silently keep the last one.",
        "Keep one of them.",
    ),
    Code(
        "CC112",
        "Hidden characters",
        "The text holds bidirectional or zero-width characters, which make it look other than it is.",
        "Remove them; write them as `\\u` escapes in double quotes where they are really meant.",
        "warning",
    ),
    Code(
        "CC199",
        "More errors than are shown",
        "Only the first 100 errors and the first 100 warnings of a file are listed.",
        "Fix them and check again.",
    ),
    # 2xx: the language
    Code(
        "CC201",
        "An unknown key",
        "The language has no such key at this place.",
        "Correct the spelling, or remove it; `commandcenter schema` gives editors all keys.",
    ),
    Code("CC202", "A missing key", "The key is needed here.", "Add it."),
    Code(
        "CC203",
        "A value of the wrong kind",
        "The key takes another kind of value.",
        "Write the kind that the message names; quotes make text of a number.",
    ),
    Code(
        "CC204", "Not one of the allowed values", "The key takes one of a few values.", "Use one of those listed."
    ),
    Code("CC205", "A value out of bounds", "The value breaks a limit of the language.", "Stay within the limit."),
    Code(
        "CC206",
        "Not a name",
        "Names become parts of NATS subjects, of addresses and of templates.",
        "Use letters, digits, `-` and `_`; a node's id starts with a letter.",
    ),
    Code(
        "CC207",
        "A workflow's name used twice",
        "Two of the files given define a workflow of the same name; one would replace the other.",
        "Rename one of them, or remove one file.",
    ),
    # 3xx: agents
    Code(
        "CC301",
        "An unknown agent",
        "No agent of that name is registered for the project.",
        "Correct the name, or register the agent: `commandcenter agents register PATH`.",
    ),
    Code(
        "CC302",
        "An unknown action",
        "The agent has no such action.",
        "Use one of the agent's actions: `commandcenter agents list`.",
    ),
    Code("CC303", "A missing input", "The action needs the input.", "Add it under `inputs`."),
    Code("CC304", "A surplus input", "The action does not take that input.", "Correct the spelling or remove it."),
    Code(
        "CC305",
        "An input with a wrong value",
        "The value does not fit the input's schema.",
        "Give a value that the schema allows.",
    ),
    Code(
        "CC306",
        "A schema that cannot be checked",
        "It uses a keyword, a reference or a pattern that the compiler does not understand; what it asks for"
        " is not checked before the run.",
        "Say the same with the common keywords of JSON Schema 2020-12; references stay inside the schema.",
    ),
    Code(
        "CC307",
        "A broken context schema",
        "`context` is not a JSON Schema of an object.",
        "Give `type: object`, `properties` and `required`.",
    ),
    Code(
        "CC308",
        "An unknown workflow",
        "The node calls a workflow that is neither deployed in the project nor among the files.",
        "Correct the name; deploy the workflow first, or check and deploy both files together.",
    ),
    Code(
        "CC309",
        "A workflow that cannot be called",
        "It is archived or a draft, or it has errors of its own.",
        "Deploy it with `status: ACTIVE`; fix its errors.",
    ),
    Code(
        "CC310",
        "Workflows that call each other in a circle",
        "A run would start runs for ever.",
        "Remove one of the calls.",
    ),
    Code(
        "CC311",
        "A key that a call does not take",
        "A node with `workflow` runs no agent: gates, retries and limits belong to the nodes of the workflow it calls.",
        "Move the key into the workflow that is called, or remove it.",
    ),
    # 4xx: the graph
    Code("CC401", "A node id given twice", "Two nodes have the same id.", "Give one of them another id."),
    Code("CC402", "An unknown dependency", "`dependsOn` names no node of this workflow.", "Correct the name."),
    Code(
        "CC403",
        "A cycle",
        "The nodes wait for each other, so none could ever start.",
        "Remove one of the dependencies on the path shown.",
    ),
    Code(
        "CC404",
        "A failure handler that cannot work",
        "`onFailure` names no node of the workflow, or the node itself.",
        "Write `fail`, `continue`, or the id of a node that is there for the failure only.",
    ),
    # 5xx: templates
    Code(
        "CC501",
        "A template that cannot be read",
        "The text between `{{` and `}}` is not an expression of the language.",
        "See the language's description: paths, comparisons, arithmetic, `a if b else c`, and filters.",
    ),
    Code(
        "CC502",
        "A path that does not exist",
        "`nodes.<id>` has `output`, `status` and `error`; `run` has `id`, `trigger`, `projectId` and `attempt`.",
        "Name one of them.",
    ),
    Code("CC503", "A reference to an unknown node", "No node has that id.", "Correct the id."),
    Code(
        "CC504",
        "A reference to a node that may not have ended",
        "The node is not upstream, so its output may not exist when the template is resolved.",
        "Add it to `dependsOn`.",
    ),
    Code(
        "CC505",
        "An unknown output field",
        "The producing action's output schema has no such field.",
        "Use a field that the action gives.",
    ),
    Code(
        "CC506",
        "An unknown context field",
        "The schema of the trigger's events has no such field, or not every trigger's has it.",
        "Correct the spelling, or describe the event under `context`.",
    ),
    Code(
        "CC507",
        "`item` outside of a foreach",
        "Only a node with `foreach` has an item.",
        "Add `foreach`, or refer to the list itself.",
    ),
    Code(
        "CC508",
        "An operation on the wrong kind of value",
        "The operator or filter does not take such a value, or the value may be null.",
        "Convert it, or give a fallback: `| default(0)`.",
    ),
    # 6xx: types of edges
    Code(
        "CC601",
        "A value that does not fit the input",
        "What the producer may give is not always what the consumer takes.",
        "Convert it in the template, or choose another field.",
    ),
    Code(
        "CC602",
        "A value that may be null",
        "The field is optional, or its node may be skipped or may fail and continue; the input takes no null.",
        "Give a fallback: `| default(…)`.",
    ),
    Code("CC603", "A foreach over no list", "`foreach` needs a list.", "Refer to a list."),
    Code(
        "CC604",
        "A condition that is not true or false",
        '`when` and `expression` need true or false; text such as "false" would count as true elsewhere.',
        'Compare: `… > 0`, `… == "HIGH"`.',
    ),
    # 7xx: triggers
    Code(
        "CC701", "Not a NATS subject", "The subject breaks NATS' rules.", "Parts without spaces, joined by dots."
    ),
    Code(
        "CC702",
        "Not a cron expression",
        "The schedule cannot be read, or no date ever fits it.",
        "Five fields, such as `0 9 * * 1`.",
    ),
    Code(
        "CC703",
        "Not a time zone",
        "The name is not in the IANA database, or means another zone on each machine.",
        "Use a name such as `Europe/Vienna`.",
    ),
    Code("CC704", "Not a glob", "The pattern cannot be read.", "Close brackets and braces; keep it short."),
    Code(
        "CC705",
        "A filter that cannot work",
        "The comparison is unknown, or its value is of the wrong kind.",
        "Use eq, ne, gt, gte, lt, lte, in, notIn, glob or exists.",
    ),
    Code(
        "CC706",
        "A filter on an unknown field",
        "The schema of the trigger's events has no such field, so the filter would never match.",
        "Correct the spelling, or describe the event under `context`.",
    ),
    Code(
        "CC707",
        "A filter that never matches",
        "The event's field is never of that value, by its schema, or what is written means something else than it "
        "seems.",
        "Compare with a value that the field can have; write paths and patterns as filters take them.",
        "warning",
    ),
    Code(
        "CC708",
        "An event the platform does not know",
        "The subject matches no known one, so the event's fields are not known either.",
        "Correct the subject, or describe the event under `context`.",
        "warning",
    ),
    Code(
        "CC709",
        "A step wider than its field",
        "Steps are counted within the field: `*/90` minutes is the same as minute 0 of each hour.",
        "List the times, or use two schedules.",
        "warning",
    ),
    Code(
        "CC710",
        "A time that daylight saving moves",
        "On a day when the zone's clock changes, the schedule's time of day does not exist or comes twice. The runs of "
        "a skipped hour start before it, or not at all; in a repeated hour they start the first time only. The years "
        "2027 and 2028 are looked at, whatever the day of the check.",
        "Choose a time of day outside of the hour that changes, or the time zone UTC.",
        "warning",
    ),
    Code(
        "CC711",
        "A subject that nobody may listen to",
        "A trigger on what the platform publishes itself would feed itself; NATS' own subjects carry no events.",
        "Name the subject more narrowly: `shop.>` instead of `>`.",
    ),
    # 8xx: risk, gates, taint
    Code(
        "CC801",
        "A gate removed",
        "An action of risk APPROVAL_REQUIRED has `approvalRequired: false`, and the `approvalPolicy` does not"
        " trust every trigger of the workflow by name.",
        "Remove `approvalRequired: false`, or name the triggers under `approvalPolicy.trustedTriggers`.",
    ),
    Code(
        "CC802",
        "An approval by silence",
        "`onExpiry: approve` lets the deadline decide, and the policy does not name the node.",
        "Use `reject` or `escalate`, or name the node under `approvalPolicy.approveOnExpiry`.",
    ),
    Code(
        "CC803",
        "Untrusted text where it is interpreted",
        "Text from an event or from an agent's output reaches an input that is read as a shell line, a host,"
        " a template or a model's instructions.",
        "Put a RULE agent or an approval between, or use a number, a boolean or one of a fixed list.",
    ),
    Code(
        "CC804",
        "An approval that cannot be given",
        "The quorum is larger than the number of approvers.",
        "Name more approvers, or lower the quorum.",
    ),
    Code(
        "CC805",
        "Not a host and port",
        "`network` lists what may be reached, as `host:port`.",
        "Write for example `hooks.slack.com:443`.",
    ),
    Code(
        "CC806",
        "Not the name of a secret",
        "`secrets` lists names, never values.",
        "Use capital letters, digits and `_`, such as `SLACK_TOKEN`.",
    ),
    Code(
        "CC807",
        "A policy about nothing",
        "The `approvalPolicy` names a trigger or a node that the workflow does not have.",
        "Correct the name or remove it.",
    ),
    # 9xx: warnings
    Code(
        "CC901",
        "A node without use",
        "Nothing reads its output, and the action has no effect outside.",
        "Use its output, list it under `outputs`, or remove the node.",
        "warning",
    ),
    Code(
        "CC902",
        "A condition that never changes",
        "It is always true or always false.",
        "Compare with a value that can occur, or remove the condition.",
        "warning",
    ),
    Code(
        "CC903",
        "A setting without effect",
        "The setting belongs to another one that is not there.",
        "Add the other one, or remove it.",
        "warning",
    ),
    Code(
        "CC904",
        "Null inside a text",
        "The value may be missing; the text will then have nothing at that place.",
        'Give a fallback: `| default("none")`.',
        "warning",
    ),
    Code(
        "CC905",
        "An edge that is checked only while running",
        "Nothing is known of the value, so the compiler cannot check whether it fits.",
        "Describe the event under `context`, or the agent's output in its schema.",
        "warning",
    ),
    Code(
        "CC906",
        "More reach than the agent asks for",
        "The node gives the agent a host or a secret that its manifest does not name; its risk becomes"
        " APPROVAL_REQUIRED.",
        "Remove it, or keep the approval.",
        "warning",
    ),
    Code(
        "CC907",
        "A template of another tool",
        "`${{ … }}`, `$(params.x)`, `${args.x}` and the like are how other tools write templates; here they are text.",
        "Write `{{ … }}`: without a `$` before it, or with a space between them where an amount of money is meant.",
        "warning",
    ),
)

CODES: Mapping[str, Code] = {code.code: code for code in _ALL}
