"""State of the page of keyword rules: the list, the editor, the tester, files."""

from state.auto_replies.form import RuleFormState
from state.auto_replies.importing import RuleImportState
from state.auto_replies.listing import RulesState
from state.auto_replies.tester import RuleTesterState

__all__ = ["RuleFormState", "RuleImportState", "RuleTesterState", "RulesState"]
