"""A remote and settings in; the forge behind it, which makes and updates pull requests by its API, out.

GitHub, GitLab, and Gitea or Forgejo. A remote without a forge has none: then there is a branch, and no pull request.
"""

from agents.effects.forges.choice import ForgeSite, find_forge
from agents.effects.forges.forge import Forge, ForgeError, PullRequest, TransientForgeError, WantedRequest
from agents.effects.forges.gitea import Gitea
from agents.effects.forges.github import GitHub
from agents.effects.forges.gitlab import GitLab

__all__ = [
    "Forge",
    "ForgeError",
    "ForgeSite",
    "GitHub",
    "GitLab",
    "Gitea",
    "PullRequest",
    "TransientForgeError",
    "WantedRequest",
    "find_forge",
]
