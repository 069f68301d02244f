"""Kafka 4, one node that is broker and controller, its jars fetched by Maven."""

from stack.kafka.broker import Kafka
from stack.kafka.runtime import jars, java

__all__ = ["Kafka", "jars", "java"]
