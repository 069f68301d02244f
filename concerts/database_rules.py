"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "concerts_concert.venue_id": "The concerts of a venue, when staff change or delete the venue.",
    "concerts_concert.poster_id": "The concerts of a poster, when unused posters are deleted.",
    "concerts_poster_digest_unique": "A picture is stored once: its files are named by this.",
    "concerts_performance.concert_id": (
        "The performances of a concert: its page and the list of concerts."
    ),
    "concerts_performance_doors_before_start": "Doors never open after the start.",
    "concerts_pricegrade.performance_id": (
        "Django's own; the unique index on (performance, code) serves the same queries."
    ),
    "concerts_grade_code_unique": (
        "A grade's code is unique in its performance; layouts refer to grades by it."
    ),
    "concerts_grade_code_reads_once": (
        "Grade codes that read alike are one code (Note [Texts that read alike])."
    ),
    "concerts_grade_code_canonical": (
        "A grade's code is kept in its canonical spelling, in every row."
    ),
    "concerts_section.performance_id": (
        "Django's own; the unique index on (performance, code) serves the same queries."
    ),
    "concerts_section.grade_id": "The sections of a grade, when a new layout removes the grade.",
    "concerts_section_code_unique": (
        "A section's code is unique in its performance; layouts and `?section=` refer to it."
    ),
    "concerts_section_code_reads_once": (
        "Section codes that read alike are one code; `?section=` compares folded codes by it."
    ),
    "concerts_section_code_canonical": (
        "A section's code is kept in its canonical spelling, in every row."
    ),
    "concerts_seat.performance_id": (
        "Django's own; the unique index on (performance, index) serves the same queries."
    ),
    "concerts_seat.section_id": (
        "Django's own; the unique index on (section, row, number) serves the same queries."
    ),
    "concerts_seat_reads_once": (
        "A chair is one seat: no two rows of a section read as the same row and number."
    ),
    "concerts_seat_codes_canonical": (
        "Row and number are kept in their canonical spelling, in every row."
    ),
    "concerts_seat_index_unique": (
        "A position in the layout is one seat's; the seat map is read in this order."
    ),
    "concerts_layoutupload.performance_id": (
        "The uploads of a performance, on its page in the admin."
    ),
    "concerts_layoutuploadpart.upload_id": (
        "Django's own; the unique index on (upload, number) serves the same queries."
    ),
    "concerts_upload_part_unique": (
        "A piece of a file is stored once; the worker reads the pieces in this order."
    ),
}
