"""State of the blacklist page: the list, adding, files."""

from state.blacklist.adding import REASONS, BlacklistAddState
from state.blacklist.importing import BlacklistImportState
from state.blacklist.listing import BlacklistState

__all__ = ["REASONS", "BlacklistAddState", "BlacklistImportState", "BlacklistState"]
