"""An agent with one visible effect: a branch with one new file. Quick, and always the same for the same number."""

from pathlib import Path

from agents.repository.git import Git
from agents.sdk import Agent, Context, RepositoryPath, Schema

agent = Agent(
    name="stamper",
    type="SCRIPT",
    version="1.0.0",
    risk="APPROVAL_REQUIRED",
    description="Puts a stamp into a repository, on a branch of its own",
)


class StampInput(Schema):
    repository_path: RepositoryPath
    target_branch: str
    number: int


class Stamp(Schema):
    branch: str
    base_commit: str
    commit_message: str
    patch: str


class Stamped(Schema):
    branch: str
    base_commit: str
    pr_number: int
    pr_url: str
    commit: str


@agent.action("stamp", description="Publish a branch with one stamp", effect="publish-branch", output=Stamped)
def stamp(inputs: StampInput, context: Context) -> Stamp:
    name = f"stamp-{inputs.number}.txt"
    commit = Git(folder=Path(inputs.repository_path)).commit("HEAD")
    return Stamp(
        branch=inputs.target_branch,
        base_commit=commit or "",
        commit_message=f"Stamp {inputs.number}",
        patch=(
            f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n"
            f"@@ -0,0 +1 @@\n+stamp {inputs.number}\n"
        ),
    )
