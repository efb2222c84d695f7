"""What agents may answer from: documents, the pages read from them, their passages and the words in those."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from wa_app.models.base import (
    Leased,
    TenantRow,
    json_column,
    state_check,
    state_column,
    tenant_fk,
    tenant_keys,
    time_field,
)


class DocumentKind(StrEnum):
    FILE = "file"
    PAIR = "pair"
    """A question and its answer, typed by hand."""
    PAGE = "page"
    """A page of a website."""


class DocumentStatus(StrEnum):
    QUEUED = "queued"
    READING = "reading"
    OCR = "ocr"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    """Found by its words already; its vectors are on their way."""
    READY = "ready"
    FAILED = "failed"


OPEN = (
    DocumentStatus.QUEUED, DocumentStatus.READING, DocumentStatus.OCR, DocumentStatus.CHUNKING,
    DocumentStatus.EMBEDDING,
)  # fmt: skip


class KnowledgeDocument(TenantRow, Leased, table=True):
    """One thing to answer from, whatever it was made of."""

    __tablename__ = "knowledge_documents"
    __table_args__ = (
        *tenant_keys(), tenant_fk("file_id", "files"),
        state_check("kind", DocumentKind), state_check("status", DocumentStatus),
        Index("ix_knowledge_documents_alive", "tenant_id", "kind", "id", postgresql_where=sql("deleted_at IS NULL")),
        Index("ix_knowledge_documents_due", "due_at",
              postgresql_where=sql("due_at IS NOT NULL AND deleted_at IS NULL")),
        Index("ix_knowledge_documents_deleted", "deleted_at", postgresql_where=sql("deleted_at IS NOT NULL")),
        Index("uq_knowledge_documents_url", "tenant_id", "url", unique=True,
              postgresql_where=sql("deleted_at IS NULL AND url IS NOT NULL")),
    )  # fmt: skip
    kind: DocumentKind = Field(sa_column=state_column(DocumentKind))
    status: DocumentStatus = Field(
        default=DocumentStatus.QUEUED, sa_column=state_column(DocumentStatus, DocumentStatus.QUEUED)
    )
    name: str
    """Name of the file, title of the website, or the question."""
    search_text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    file_id: UUID | None = Field(default=None)
    url: str | None = Field(default=None)
    answer: str | None = Field(default=None)
    """Of a pair; `name` is its question."""
    mime: str = Field(default="", sa_column_kwargs={"server_default": ""})
    size: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    pages: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    ocr_pages: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    chunks: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """Passages that searches find now; a re-index keeps the old ones until the new ones take their place."""
    done: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    total: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """Progress of the stage: pages read, or vectors made."""
    error_code: str | None = Field(default=None)
    error_args: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    due_at: datetime | None = time_field()
    """When a worker is to take it up; None when there is nothing to do."""
    read_at: datetime | None = time_field()
    """When its pages were written down: a run that was killed after this does not read again."""
    indexed_at: datetime | None = time_field()
    cancel_asked: bool = Field(default=False, sa_column_kwargs={"server_default": sql("false")})
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class KnowledgePage(TenantRow, table=True):
    """The text of one page (from 1), or of a whole document that has none (0)."""

    __tablename__ = "knowledge_pages"
    __table_args__ = (
        *tenant_keys(), tenant_fk("document_id", "knowledge_documents"),
        UniqueConstraint("tenant_id", "document_id", "position"),
    )
    document_id: UUID
    position: int
    page: int
    heading: str = Field(default="", sa_column_kwargs={"server_default": ""})
    text: str
    method: str = Field(default="text", sa_column_kwargs={"server_default": "text"})


class KnowledgeChunk(TenantRow, table=True):
    """A passage. `number` counts all passages a tenant ever had, so that postings can name it in four bytes."""

    __tablename__ = "knowledge_chunks"
    __table_args__ = (
        *tenant_keys(), tenant_fk("document_id", "knowledge_documents"),
        UniqueConstraint("tenant_id", "number"),
        Index("ix_knowledge_chunks_document", "tenant_id", "document_id", "number"),
        Index("ix_knowledge_chunks_bare", "tenant_id", "number",
              postgresql_where=sql("collection IS NULL AND gone_at IS NULL")),
        Index("ix_knowledge_chunks_gone", "tenant_id", "gone_at", postgresql_where=sql("gone_at IS NOT NULL")),
    )  # fmt: skip
    document_id: UUID
    number: int = Field(sa_column=Column(BigInteger, nullable=False))
    page: int | None = Field(default=None)
    heading: str = Field(default="", sa_column_kwargs={"server_default": ""})
    text: str
    start: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """Where it begins in the text of its page, in characters."""
    words: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    model: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Which model made `vector`; empty while there is none."""
    vector: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Half floats, of length one."""
    collection: str | None = Field(default=None)
    """The collection of Chroma that holds the vector; None until it does."""
    gone_at: datetime | None = time_field()
    """Replaced or deleted: no search finds it, though one that found it a moment ago can still read it. It stays
    until its vector has left Chroma, so it is also the note that the vector must."""


class KnowledgePosting(SQLModel, table=True):
    """Where a word stands in a document: packed (number u32, count u8, words u8) for each passage."""

    __tablename__ = "knowledge_postings"
    __table_args__ = (
        tenant_fk("document_id", "knowledge_documents"),
        Index("ix_knowledge_postings_document", "tenant_id", "document_id"),
    )
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    term: str = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    packed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class KnowledgeSpelling(SQLModel, table=True):
    """A word of a tenant's documents under the shapes it is mistyped in."""

    __tablename__ = "knowledge_spellings"
    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    key: str = Field(primary_key=True)
    term: str = Field(primary_key=True)


class KnowledgeIndex(TenantRow, Leased, table=True):
    """One tenant's index: which model its vectors are of, where they are, and how much there is."""

    __tablename__ = "knowledge_indexes"
    __table_args__ = (
        *tenant_keys(), UniqueConstraint("tenant_id"),
        Index("ix_knowledge_indexes_due", "due_at", postgresql_where=sql("due_at IS NOT NULL")),
    )
    model: str = Field(default="", sa_column_kwargs={"server_default": ""})
    collection: str = Field(default="", sa_column_kwargs={"server_default": ""})
    next_number: int = Field(default=1, sa_column=Column(BigInteger, nullable=False, server_default="1"))
    chunks: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    words: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    due_at: datetime | None = time_field()
    """When vectors are to be made or removed; None when all are in place."""
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    error_code: str | None = Field(default=None)
    swept_at: datetime | None = time_field()
    """When its collections were last compared with its passages."""


class KnowledgeRemoval(TenantRow, table=True):
    """A collection that a tenant's vectors have left: whatever of the tenant is in it must go."""

    __tablename__ = "knowledge_removals"
    __table_args__ = (*tenant_keys(), UniqueConstraint("tenant_id", "collection"))
    collection: str
