"""What a release of the product has to be asked before it goes out (docs/releasing.md)."""
