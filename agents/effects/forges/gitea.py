"""Pull requests on Gitea and Forgejo, whose API is GitHub's but for headers, paging and labels."""

from __future__ import annotations

from typing import ClassVar

from agents.effects.forges.github import GitHub

_COLOUR = "#a40e26"


class Gitea(GitHub):
    """One repository on Gitea or Forgejo."""

    listed: ClassVar = {"state": "all", "limit": 0}

    def headers(self, token: str) -> dict[str, str]:
        """What each request carries."""
        return {"Authorization": f"token {token}"}

    def label(self, name: str) -> int:
        """Labels go by their number here; one that is not there is made."""
        for each in self._api.pages(f"{self._at}/labels", limit=0):
            if each.get("name") == name:
                return int(each["id"])
        made = self._api.send("POST", f"{self._at}/labels", body={"name": name, "color": _COLOUR})
        return int(made["id"])
