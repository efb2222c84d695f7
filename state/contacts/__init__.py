"""State of the contacts page: the list, one contact, the tags."""

from state.contacts.listing import ContactsState
from state.contacts.one import ContactState
from state.contacts.rows import NO_JOB, OPEN, job_row
from state.contacts.tagging import TagsState

__all__ = ["NO_JOB", "OPEN", "ContactState", "ContactsState", "TagsState", "job_row"]
