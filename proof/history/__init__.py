"""Recorded histories of sales, and a checker that says what in them contradicts a promise."""
