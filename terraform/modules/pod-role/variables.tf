variable "name" {
  description = "The role's name."
  type        = string
}

variable "cluster" {
  description = "Name of the cluster."
  type        = string
}

variable "accounts" {
  description = "Service accounts that have the role, as NAMESPACE/NAME."
  type        = set(string)
  validation {
    condition     = length(var.accounts) > 0 && alltrue([for one in var.accounts : can(regex("^[a-z0-9-]+/[a-z0-9-]+$", one))])
    error_message = "At least one service account, each as NAMESPACE/NAME."
  }
}

variable "policy" {
  description = "What the role may, as JSON."
  type        = string
}

variable "account_id" {
  description = "The AWS account: no other one's cluster gets the role."
  type        = string
}
