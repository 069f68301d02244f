"""Kafka 4, nodes that are broker and controller, their jars fetched by Maven."""

from stack.kafka.broker import BrokerPlace, Kafka
from stack.kafka.runtime import jars, java

__all__ = ["BrokerPlace", "Kafka", "jars", "java"]
