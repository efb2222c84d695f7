"""What is found in a tenant's documents."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that fits a question. `score` is 0 to 1, comparable between questions."""

    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None
    heading: str
    text: str
    score: float
