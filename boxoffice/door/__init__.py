"""The door: pages on which tickets are scanned, and the documents their script asks for."""
