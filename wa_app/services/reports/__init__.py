"""A campaign's report as files.

    exporting  the job: CSV row by row with a checkpoint, PDF in one go
    pdf        the pages
    wording    numbers and times as the languages write them
"""
