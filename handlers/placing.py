"""Where an outcome belongs: the project of its vault, by today's rules, with its id and region. Nobody is asked for it."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.cbr import Cbr
from handlers.outcome import Outcome
from handlers.rules import Rules
from handlers.settings import Access
from handlers.values import dataclass, replace


@dataclass(frozen=True)
class Places:
    """``projects`` and ``cbrs`` by the projects' names in the rules; a Cbr that had to look up its project's id knows it."""

    rules: Rules
    projects: Mapping[str, Access]
    cbrs: Mapping[str, Cbr]

    def place(self, outcome: Outcome) -> Outcome:
        """With what is known of its project; as it is where it is about no vault."""
        if not (outcome.vault or outcome.vault_id):
            return outcome
        name = self._project(outcome)
        if name not in self.projects:
            return replace(outcome, project=name)
        return replace(outcome, project=name, project_id=self.cbrs[name].project_id, region=self.projects[name].region)

    def _project(self, outcome: Outcome) -> str:
        """Today's; one that rules know by tags alone is where it was found."""
        if known := self.rules.vault_named(outcome.vault_id or outcome.vault):
            return self.rules.project_of(known[1])
        return outcome.project or (next(iter(self.projects)) if len(self.projects) == 1 else "")
