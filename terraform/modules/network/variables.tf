variable "name" {
  description = "What everything is called: frontrow-ENVIRONMENT."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "A name has 3 to 31 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the whole network."
  type        = string
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "The network is a /16, such as 10.20.0.0/16: the subnets are cut out of it."
  }
  validation {
    condition     = startswith(var.cidr, "10.") || startswith(var.cidr, "172.") || startswith(var.cidr, "192.168.")
    error_message = "The network is a private one (RFC 1918)."
  }
}

variable "zones" {
  description = "The three availability zones."
  type        = list(string)
  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "Exactly three different zones: what decides by majority has a member in each."
  }
}

variable "logs_key_arn" {
  description = "KMS key of log groups."
  type        = string
}

variable "flow_log_days" {
  description = "How long flow logs are kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([90, 180, 365, 400], var.flow_log_days)
    error_message = "Flow logs are kept 90, 180, 365 or 400 days."
  }
}
