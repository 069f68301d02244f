# Each role has a user of its own; who gives no name gets nothing. The provider takes passwords into the
# state, and Valkey takes no user without one: so the first password is a user's who is off, and people change
# it before they say that he is on.

locals {
  # Everything but what empties, reconfigures or listens in; `info` is health's.
  may = "${var.passwords_changed ? "on" : "off"} ~* &* +@all -@admin -@dangerous +info +role"
}

resource "aws_elasticache_user" "role" {
  for_each      = local.roles
  user_id       = "${var.name}-${each.key}"
  user_name     = "frontrow"
  engine        = "valkey"
  access_string = local.may

  authentication_mode {
    type      = "password"
    passwords = [var.passwords[each.key]]
  }

  lifecycle {
    ignore_changes = [authentication_mode] # operators change it, two at a time, without Terraform
  }
}

resource "aws_elasticache_user" "default" {
  for_each      = local.roles
  user_id       = "${var.name}-${each.key}-default"
  user_name     = "default"
  engine        = "valkey"
  access_string = "off ~* -@all"

  authentication_mode {
    type      = "password"
    passwords = [var.passwords[each.key]]
  }

  lifecycle {
    ignore_changes = [authentication_mode]
  }
}

resource "aws_elasticache_user_group" "this" {
  for_each      = local.roles
  engine        = "valkey"
  user_group_id = "${var.name}-${each.key}"
  user_ids      = [aws_elasticache_user.default[each.key].user_id, aws_elasticache_user.role[each.key].user_id]
}
