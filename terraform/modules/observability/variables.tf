variable "name" {
  description = "What everything is called: frontrow-ENVIRONMENT."
  type        = string
}

variable "logs_key_arn" {
  description = "KMS key of alarms and log groups."
  type        = string
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "callers" {
  description = "HTTPS addresses that alarms are sent to: who is on call."
  type        = set(string)
  validation {
    condition     = alltrue([for one in var.callers : startswith(one, "https://")])
    error_message = "Alarms are sent by HTTPS."
  }
}

variable "managed_prometheus" {
  description = "Keep metrics in AWS's Prometheus beside the one in the cluster."
  type        = bool
}
