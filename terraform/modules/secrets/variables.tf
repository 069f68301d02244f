variable "name" {
  description = "What everything is called: frontrow-ENVIRONMENT."
  type        = string
}

variable "environment" {
  description = "The environment: the chart reads frontrow/ENVIRONMENT/..."
  type        = string
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "staging or production."
  }
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "rotation" {
  description = "Change the databases' users each 30 days, by AWS's own function; null until the databases are there. `masters` has the ARNs of each master's secret and cluster by the entry of the user: database, idempotency."
  type = object({
    masters            = map(object({ secret_arn = string, cluster_arn = string }))
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "rotation_version" {
  description = "Version of AWS's function for alternating users."
  type        = string
  default     = "1.1.618"
}
