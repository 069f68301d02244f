"""The views of pages for staff: one page or deed each."""
