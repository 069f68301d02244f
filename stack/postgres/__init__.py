"""PostgreSQL 18: a primary with two databases and a streaming replica on its own slot."""
