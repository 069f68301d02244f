mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "ap-northeast-2" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name         = "frontrow-test"
  cidr         = "10.20.0.0/16"
  zones        = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
  logs_key_arn = "arn:aws:kms:ap-northeast-2:000000000000:key/logs"
}

run "subnets_of_three_kinds_in_three_zones" {
  command = plan
  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3 && length(aws_subnet.isolated) == 3
    error_message = "A kind of subnet is not in every zone."
  }
  assert {
    condition     = length(distinct([for subnet in aws_subnet.isolated : subnet.availability_zone])) == 3
    error_message = "Two isolated subnets share a zone."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "A machine gets a public address by standing in a subnet."
  }
  assert {
    condition     = output.public_cidrs == ["10.20.0.0/20", "10.20.16.0/20", "10.20.32.0/20"]
    error_message = "The public subnets are not those that the chart trusts."
  }
}

run "each_zone_has_its_own_way_out" {
  command = plan
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.private_out) == 3
    error_message = "A zone's nodes go out through another zone."
  }
  assert {
    condition     = length(aws_route_table_association.isolated) == 3
    error_message = "An isolated subnet has the main route table."
  }
}

run "nobody_comes_in_from_outside" {
  command = plan
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.endpoints : rule.cidr_ipv4 != "0.0.0.0/0" && rule.from_port == 443])
    error_message = "The endpoints are open to others than nodes."
  }
  assert {
    condition     = aws_default_security_group.closed.tags.Name == "frontrow-test-closed"
    error_message = "The default security group is as AWS made it: open."
  }
}

run "every_flow_is_logged" {
  command = plan
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.logs_key_arn
    error_message = "Flow logs are partial, or unencrypted."
  }
}

run "services_are_reached_inside" {
  command = plan
  assert {
    condition     = length(setsubtract(["ecr.api", "ecr.dkr", "kms", "rds", "secretsmanager", "sts"], keys(aws_vpc_endpoint.interface))) == 0
    error_message = "A service is reached over the internet."
  }
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "S3 has no gateway endpoint."
  }
}

run "two_zones_are_refused" {
  command = plan
  variables {
    zones = ["ap-northeast-2a", "ap-northeast-2b"]
  }
  expect_failures = [var.zones]
}

run "a_zone_twice_is_refused" {
  command = plan
  variables {
    zones = ["ap-northeast-2a", "ap-northeast-2a", "ap-northeast-2c"]
  }
  expect_failures = [var.zones]
}

run "a_public_network_is_refused" {
  command = plan
  variables {
    cidr = "8.8.0.0/16"
  }
  expect_failures = [var.cidr]
}
