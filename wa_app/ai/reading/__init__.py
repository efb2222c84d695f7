"""Reading files: whatever a person sends or uploads becomes text, or a clear refusal (ADR 0016).

    document = await read(path, "Daftar harga.pdf", "application/pdf", tell=progress)
    document.pages[0].text
"""

from wa_app.ai.reading.reader import READABLE, content_type, read

__all__ = ["READABLE", "content_type", "read"]
