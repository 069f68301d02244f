# Two kinds of password are in the state, which the roles `plan` and `apply` read (docs/deploying.md, "What the
# state knows"): the first ones of Valkey's users, who are off as long as they have them, and what CloudFront
# shows the balancer, which keeps others from going round the firewall and opens nothing else. The provider has
# no write-only argument for either. `terraform apply -replace=module.region.terraform_data.origin_secret`
# makes another.

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
