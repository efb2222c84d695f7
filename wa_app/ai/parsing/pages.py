"""Pages of the web: what they are about, without menus, banners and scripts."""

from typing import Final

from wa_app.ai.parsing.shapes import MEGABYTE, Job, Output, Refused

MAX_HTML: Final = 10 * MEGABYTE


def parse(job: Job, out: Output) -> None:
    """The main text of a page under its title."""
    from lxml.etree import LxmlError
    from trafilatura import bare_extraction

    if job.path.stat().st_size > MAX_HTML:
        raise Refused("file_too_complex")
    try:
        found = bare_extraction(
            job.path.read_bytes(), with_metadata=True, include_comments=False, include_tables=True, favor_recall=True
        )
    except (LxmlError, ValueError, AttributeError, TypeError, RuntimeError) as error:
        # What its parsers raise on what is hardly HTML at all.
        raise Refused("file_broken") from error
    if found is None:
        return
    title = str(getattr(found, "title", None) or "")
    out.text(0, 1, str(getattr(found, "text", None) or ""), title)
