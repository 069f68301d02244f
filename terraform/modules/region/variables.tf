variable "environment" {
  description = "staging or production."
  type        = string
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "staging or production."
  }
}

variable "cidr" {
  description = "The network, a private /16."
  type        = string
}

variable "zones" {
  description = "Three availability zones."
  type        = list(string)
}

variable "site" {
  description = "The site's host name."
  type        = string
}

variable "zone" {
  description = "The hosted zone that it lies in."
  type        = string
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
  description = "Whether people have written the values of secrets: false at the first apply (docs/deploying.md)."
  type        = bool
}

variable "balancer" {
  description = "The balancer's DNS name, once the chart was installed; null before."
  type        = string
  default     = null
}

variable "versions" {
  description = "Versions of what AWS runs for us."
  type        = object({ kubernetes = string, postgres = string, valkey = string, kafka = string })
}

variable "firewall" {
  description = "What the firewall does with what AWS's core rules find, and before the waiting room."
  type        = object({ core_rules = string, join_challenge = string })
}

variable "shield_advanced" {
  description = "AWS Shield Advanced at the edge, which is subscribed to by hand."
  type        = bool
  default     = false
}

variable "replica_bucket_arns" {
  description = "Buckets in another region that backups or audit are copied to."
  type        = map(object({ arn = string, key_arn = string }))
  default     = {}
}

variable "sizes" {
  description = "How large everything is: all that staging and production differ by."
  type = object({
    system_nodes = object({ type = string, each_zone = number })
    postgres     = object({ class = string, gib = number, iops = number })
    idempotency  = object({ class = string, gib = number, iops = number })
    valkey       = object({ lock = string, queue = string, cache = string, broker = string })
    broker       = object({ type = string, gib = number })
  })
}
