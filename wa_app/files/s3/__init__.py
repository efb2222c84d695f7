"""Files in a bucket that speaks S3."""

from wa_app.files.s3.store import S3FileStore

__all__ = ["S3FileStore"]
