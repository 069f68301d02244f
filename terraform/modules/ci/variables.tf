variable "name" {
  description = "What everything is called: frontrow-ENVIRONMENT."
  type        = string
}

variable "environment" {
  description = "The environment of the workflows that may apply: the name at the code's host."
  type        = string
}

variable "repository" {
  description = "The repository whose workflows get roles: OWNER/NAME."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "OWNER/NAME, without a wildcard: another repository's workflows must get nothing."
  }
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "region" {
  description = "The AWS region."
  type        = string
}

variable "images_key_arn" {
  description = "KMS key of images."
  type        = string
}

variable "secrets_key_arn" {
  description = "KMS key of the entries that workflows read: a webhook's address, the password of the fan who tries staging."
  type        = string
}

variable "state_bucket" {
  description = "The bucket of Terraform's state, made by hand before everything (docs/deploying.md)."
  type        = string
}
