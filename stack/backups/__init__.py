"""Copies of PostgreSQL and its log in a bucket (BACKUP_URL), and servers made of them."""
