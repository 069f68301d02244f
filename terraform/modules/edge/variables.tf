variable "name" {
  description = "What everything is called: frontrow-ENVIRONMENT."
  type        = string
}

variable "site" {
  description = "The site's host name."
  type        = string
}

variable "zone_id" {
  description = "The hosted zone of its records."
  type        = string
}

variable "certificate_arn" {
  description = "The site's certificate, in us-east-1."
  type        = string
  validation {
    condition     = strcontains(var.certificate_arn, ":us-east-1:")
    error_message = "CloudFront takes certificates of us-east-1 alone."
  }
}

variable "shield_region" {
  description = "The region of Origin Shield: the balancer's."
  type        = string
}

variable "balancer" {
  description = "The balancer's own DNS name, which its controller chose; null until the chart was installed once."
  type        = string
  default     = null
}

variable "media_domain" {
  description = "The domain of the bucket of STORAGE_URL, whose folder media is public."
  type        = string
}

variable "logs_bucket_arn" {
  description = "Where access lines go."
  type        = string
}

variable "origin_secrets" {
  description = "What CloudFront shows the balancer: the first is sent, all are taken, so that one can be changed."
  type        = list(string)
  sensitive   = true
  validation {
    condition     = length(var.origin_secrets) >= 1 && alltrue([for one in var.origin_secrets : length(one) >= 32])
    error_message = "At least one, each of 32 characters or more."
  }
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "callers" {
  description = "HTTPS addresses that alarms are sent to."
  type        = set(string)
}

variable "core_rules" {
  description = "What AWS's core rules do: count at first, block once a week has shown whom they would hit."
  type        = string
  validation {
    condition     = contains(["count", "block"], var.core_rules)
    error_message = "count or block."
  }
}

variable "join_challenge" {
  description = "Whether a browser proves itself before the waiting room. It needs a script, so people without one are kept out: count at first, challenge under an attack."
  type        = string
  validation {
    condition     = contains(["count", "challenge"], var.join_challenge)
    error_message = "count or challenge."
  }
}

variable "shield_advanced" {
  description = "AWS Shield Advanced, which is subscribed to by hand."
  type        = bool
  default     = false
}
