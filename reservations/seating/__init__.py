"""Which seats to offer: pure rules on a hall and its state, and what this process knows of both."""
