"""What calls of services outside have in common: a breaker by ratio, retries within a budget."""
