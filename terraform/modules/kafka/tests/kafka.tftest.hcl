mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

override_resource {
  target = aws_msk_configuration.this
  values = { latest_revision = 1 }
}

variables {
  name            = "frontrow-test"
  kafka_version   = "4.1.x.kraft"
  broker          = { type = "kafka.t3.small", gib = 50 }
  vpc_id          = "vpc-1"
  subnet_ids      = ["subnet-a", "subnet-b", "subnet-c"]
  clients         = { nodes = "sg-nodes" }
  key_arn         = "arn:aws:kms:ap-northeast-2:000000000000:key/data"
  secrets_key_arn = "arn:aws:kms:ap-northeast-2:000000000000:key/secrets"
  logs_key_arn    = "arn:aws:kms:ap-northeast-2:000000000000:key/logs"
  user_ready      = false
}

run "each_event_is_on_three_brokers" {
  command = plan
  assert {
    condition     = aws_msk_cluster.this.number_of_broker_nodes == 3 && length(aws_msk_cluster.this.broker_node_group_info[0].client_subnets) == 3
    error_message = "There are not three brokers in three zones."
  }
  assert {
    condition     = alltrue([for line in ["default.replication.factor=3", "min.insync.replicas=2", "unclean.leader.election.enable=false", "auto.create.topics.enable=false"] : strcontains(aws_msk_configuration.this.server_properties, line)])
    error_message = "The loss of a broker may lose an event."
  }
}

run "brokers_are_reached_by_named_users_over_tls" {
  command = plan
  assert {
    condition     = aws_msk_cluster.this.client_authentication[0].sasl[0].scram && !aws_msk_cluster.this.client_authentication[0].unauthenticated
    error_message = "Brokers take who has no password."
  }
  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].client_broker == "TLS" && aws_msk_cluster.this.encryption_info[0].encryption_at_rest_kms_key_arn == var.key_arn
    error_message = "Events go or lie unencrypted."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.cidr_ipv4 == null && rule.from_port == 9096 && rule.to_port == 9096])
    error_message = "Others than named security groups may ask, or at another port."
  }
  assert {
    condition     = aws_secretsmanager_secret.user.kms_key_id == var.secrets_key_arn && startswith(aws_secretsmanager_secret.user.name, "AmazonMSK_")
    error_message = "MSK cannot take the user's secret."
  }
}

run "the_user_comes_once_it_has_a_password" {
  command = plan
  assert {
    condition     = length(aws_msk_scram_secret_association.this) == 0
    error_message = "MSK is given an empty entry."
  }
}

run "zookeeper_is_refused" {
  command = plan
  variables {
    kafka_version = "3.8.x"
  }
  expect_failures = [var.kafka_version]
}

run "two_zones_are_refused" {
  command = plan
  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }
  expect_failures = [var.subnet_ids]
}
