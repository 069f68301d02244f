locals {
  environment = "production"
  cidr        = "10.20.0.0/16"
  site        = "tickets.example"

  sizes = {
    system_nodes = { type = "m7i.xlarge", each_zone = 1 }
    postgres     = { class = "db.m6gd.4xlarge", gib = 400, iops = 12000 }
    idempotency  = { class = "db.m6gd.large", gib = 100, iops = 3000 }
    valkey       = { lock = "cache.m7g.large", queue = "cache.m7g.xlarge", cache = "cache.m7g.large", broker = "cache.t4g.medium" }
    broker       = { type = "kafka.m7g.large", gib = 200 }
  }
}
