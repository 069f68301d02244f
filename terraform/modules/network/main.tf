# Three kinds of subnet in three zones (docs/infra.md, "Networks"): public for the balancer and the NAT
# gateways alone, private for nodes, isolated for data: these know no way out of the network.

data "aws_region" "here" {}

locals {
  zones = { for index, zone in var.zones : zone => index }
  tiers = {
    public   = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 4, index) }
    private  = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 3, index + 2) }
    isolated = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 4, index + 12) }
  }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = { Name = var.name }
}

# Who forgets to name a security group gets one that lets nothing in or out.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-closed" }
}

resource "aws_subnet" "public" {
  for_each                = local.tiers.public
  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-public-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "private" {
  for_each          = local.tiers.private
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-private-${each.key}", "karpenter.sh/discovery" = var.name }
}

resource "aws_subnet" "isolated" {
  for_each          = local.tiers.isolated
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-isolated-${each.key}" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

# One for each zone: a lost zone takes nobody else's way out with it.
resource "aws_eip" "nat" {
  for_each = local.zones
  domain   = "vpc"
  tags     = { Name = "${var.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each      = local.zones
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = { Name = "${var.name}-${each.key}" }
  depends_on    = [aws_internet_gateway.this]
}
