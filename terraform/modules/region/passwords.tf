# Two kinds of password are in the state, which only the workflows' roles read: the first ones of Valkey's
# users, which operators replace at once, and what CloudFront shows the balancer, which is no secret of a
# fan's. `terraform apply -replace=module.region.terraform_data.origin_secret` makes another.

data "aws_secretsmanager_random_password" "valkey" {
  for_each            = toset(["broker", "cache", "lock", "queue"])
  password_length     = 40
  exclude_punctuation = true
}

data "aws_secretsmanager_random_password" "origin" {
  password_length     = 40
  exclude_punctuation = true
}

resource "terraform_data" "origin_secret" {
  input = sensitive(data.aws_secretsmanager_random_password.origin.random_password)
  lifecycle {
    ignore_changes = [input]
  }
}
