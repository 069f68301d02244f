variable "name" {
  description = "The cluster's name: frontrow-ENVIRONMENT."
  type        = string
}

variable "kubernetes" {
  description = "Kubernetes' version."
  type        = string
  validation {
    condition     = can(regex("^1\\.(3[3-9]|[4-9][0-9])$", var.kubernetes))
    error_message = "Kubernetes 1.33 or newer: sidecars that start first and stop last."
  }
}

variable "subnet_ids" {
  description = "Private subnets, one a zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Nodes stand in three zones."
  }
}

variable "key_arn" {
  description = "KMS key of secrets in etcd and of pods' disks (gitops/platform/templates/disks.yaml)."
  type        = string
}

variable "logs_key_arn" {
  description = "KMS key of log groups."
  type        = string
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "log_days" {
  description = "How long logs of the control plane are kept."
  type        = number
  default     = 365
}

variable "system_nodes" {
  description = "Nodes for what must run before Karpenter can make others."
  type        = object({ type = string, each_zone = number })
  validation {
    condition     = var.system_nodes.each_zone >= 1
    error_message = "At least one node a zone."
  }
}

variable "administrators" {
  description = "ARNs of roles that may do everything in the cluster."
  type        = set(string)
}

variable "deployers" {
  description = "ARNs of roles of the workflows by what they do: they look, and steer releases, in the namespace frontrow."
  type        = map(string)
  default     = {}
}
