locals {
  environment = "staging"
  cidr        = "10.30.0.0/16"
  site        = "staging.tickets.example"

  sizes = {
    system_nodes = { type = "m7i.large", each_zone = 1 }
    postgres     = { class = "db.m6gd.large", gib = 100, iops = 1000 }
    idempotency  = { class = "db.m6gd.large", gib = 100, iops = 1000 }
    valkey       = { lock = "cache.t4g.small", queue = "cache.t4g.small", cache = "cache.t4g.small", broker = "cache.t4g.small" }
    broker       = { type = "kafka.t3.small", gib = 50 }
  }
}
