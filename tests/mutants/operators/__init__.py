"""How guards are removed, by language."""
