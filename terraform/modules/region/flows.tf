# Between the security groups: what docs/infra.md ("Between security groups") says, by test. The modules
# of the data plane have the rules of their own doors.

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_security_group" "balancer" {
  # checkov:skip=CKV2_AWS_5: the controller of balancers attaches it, by the values
  name        = "${local.name}-balancer"
  description = "The balancer; its controller is given this group"
  vpc_id      = module.network.vpc_id
  tags        = { Name = "${local.name}-balancer" }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  security_group_id = aws_security_group.balancer.id
  description       = "HTTPS from CloudFront"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "the gateways"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = module.cluster.security_group_id
}

resource "aws_vpc_security_group_ingress_rule" "gateway" {
  security_group_id            = module.cluster.security_group_id
  description                  = "gateways from the balancer"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.balancer.id
}

# AWS's function that changes the database's user.
resource "aws_security_group" "rotation" {
  # checkov:skip=CKV2_AWS_5: AWS's function for the databases' users stands in it, once values are written
  name        = "${local.name}-rotation"
  description = "The function that changes the user of the database"
  vpc_id      = module.network.vpc_id
  tags        = { Name = "${local.name}-rotation" }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "rotation_postgres" {
  for_each                     = { database = module.postgres.security_group_id, idempotency = module.idempotency.security_group_id }
  security_group_id            = aws_security_group.rotation.id
  description                  = "PostgreSQL"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "rotation_secrets" {
  security_group_id            = aws_security_group.rotation.id
  description                  = "Secrets Manager"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = module.network.endpoints_security_group_id
}
