"""The views of fans' pages, a module for each step of the way."""
