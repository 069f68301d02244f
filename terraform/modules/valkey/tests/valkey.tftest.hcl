mock_provider "aws" {}

variables {
  name           = "frontrow-test"
  engine_version = "9.1"
  types          = { lock = "cache.t4g.small", queue = "cache.t4g.small", cache = "cache.t4g.small", broker = "cache.t4g.small" }
  vpc_id         = "vpc-1"
  subnet_ids     = ["subnet-a", "subnet-b", "subnet-c"]
  clients        = { nodes = "sg-nodes" }
  key_arn        = "arn:aws:kms:ap-northeast-2:000000000000:key/data"

  passwords_changed = true
  alarm_topic_arn   = "arn:aws:sns:ap-northeast-2:000000000000:alarms"
  passwords = {
    lock   = "00000000000000000000000000000000"
    queue  = "11111111111111111111111111111111"
    cache  = "22222222222222222222222222222222"
    broker = "33333333333333333333333333333333"
  }
}

run "lock_and_queue_are_three_and_three" {
  command = plan
  assert {
    condition     = alltrue([for role in ["lock", "queue"] : aws_elasticache_replication_group.this[role].num_node_groups == 3 && aws_elasticache_replication_group.this[role].replicas_per_node_group == 1])
    error_message = "Lock or queue is no cluster of 3 + 3."
  }
  assert {
    condition     = alltrue([for role in ["cache", "broker"] : aws_elasticache_replication_group.this[role].num_node_groups == 1 && aws_elasticache_replication_group.this[role].replicas_per_node_group == 1])
    error_message = "Cache or broker has no spare."
  }
  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : group.automatic_failover_enabled && group.multi_az_enabled])
    error_message = "A lost zone takes a role with it."
  }
  assert {
    condition     = contains([for one in aws_elasticache_parameter_group.this["lock"].parameter : "${one.name}=${one.value}"], "cluster-require-full-coverage=no")
    error_message = "A lost slot stops all others."
  }
  assert {
    condition     = alltrue([for role in ["lock", "queue", "broker"] : contains([for one in aws_elasticache_parameter_group.this[role].parameter : "${one.name}=${one.value}"], "maxmemory-policy=noeviction")])
    error_message = "A server whose keys count may throw some out."
  }
}

run "everything_is_encrypted_and_named_users_alone_come_in" {
  command = plan
  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : group.at_rest_encryption_enabled == "true" && group.kms_key_id == var.key_arn && group.transit_encryption_enabled && group.transit_encryption_mode == "required"])
    error_message = "A role's data or its way is unencrypted."
  }
  assert {
    condition     = alltrue([for user in aws_elasticache_user.default : startswith(user.access_string, "off ")])
    error_message = "Who gives no name may do something."
  }
  assert {
    condition     = alltrue([for user in aws_elasticache_user.role : strcontains(user.access_string, "-@dangerous")])
    error_message = "The application may empty or reconfigure a server."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.cidr_ipv4 == null && rule.from_port == 6379 && rule.to_port == 6379])
    error_message = "Others than named security groups may ask, or at another port."
  }
}

run "a_password_that_the_state_knows_opens_nothing" {
  command = plan
  variables {
    passwords_changed = false
  }
  assert {
    condition     = alltrue([for user in aws_elasticache_user.role : startswith(user.access_string, "off ")])
    error_message = "The first password, which the state keeps, opens a server."
  }
}

run "people_turn_the_users_on" {
  command = plan
  assert {
    condition     = alltrue([for user in aws_elasticache_user.role : startswith(user.access_string, "on ")])
    error_message = "The application's users stay off."
  }
}

run "a_version_without_hexpire_is_refused" {
  command = plan
  variables {
    engine_version = "8.2"
  }
  expect_failures = [var.engine_version]
}

run "a_short_password_is_refused" {
  command = plan
  variables {
    passwords = { lock = "short", queue = "short", cache = "short", broker = "short" }
  }
  expect_failures = [var.passwords]
}

run "two_zones_are_refused" {
  command = plan
  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }
  expect_failures = [var.subnet_ids]
}
