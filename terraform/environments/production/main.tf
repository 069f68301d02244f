# The same file for each environment: `environment.tf` beside it says what is its own.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # The bucket is given at `terraform init -backend-config="bucket=..."`.
  backend "s3" {
    key          = "production/terraform.tfstate"
    region       = "ap-northeast-2"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = "ap-northeast-2"
  default_tags {
    tags = local.tags
  }
}

# CloudFront's firewall, certificate, logs and alarms.
provider "aws" {
  alias  = "global"
  region = "us-east-1"
  default_tags {
    tags = local.tags
  }
}

locals {
  tags = {
    project     = "frontrow"
    environment = local.environment
    made-by     = "terraform/environments/${local.environment}"
  }
}

variable "repository" {
  description = "Whose workflows get roles: OWNER/NAME."
  type        = string
}

variable "state_bucket" {
  description = "The bucket of the state."
  type        = string
}

variable "administrators" {
  description = "ARNs of the operators' roles."
  type        = set(string)
}

variable "callers" {
  description = "HTTPS addresses that alarms are sent to."
  type        = set(string)
}

variable "values_written" {
  description = "Whether people have written the values of secrets (docs/deploying.md)."
  type        = bool
}

variable "balancer" {
  description = "The balancer's DNS name, once the chart was installed."
  type        = string
  default     = null
}

module "region" {
  source         = "../../modules/region"
  environment    = local.environment
  cidr           = local.cidr
  zones          = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
  site           = local.site
  zone           = local.site
  repository     = var.repository
  state_bucket   = var.state_bucket
  administrators = var.administrators
  callers        = var.callers
  values_written = var.values_written
  balancer       = var.balancer
  versions       = { kubernetes = "1.36", postgres = "18", valkey = "9.1", kafka = "4.1.x.kraft" }
  firewall       = { core_rules = "count", join_challenge = "count" }
  sizes          = local.sizes
  providers = {
    aws        = aws
    aws.global = aws.global
  }
}

output "values" {
  value = module.region.values
}

output "hosts" {
  value = module.region.hosts
}

output "role_arns" {
  value = module.region.role_arns
}
