"""What is wrong with a build: each module becomes `release_fault.py` in a copy of the product."""
