"""The mutation run: remove one guard at a time and see whether a test notices (README.md)."""
