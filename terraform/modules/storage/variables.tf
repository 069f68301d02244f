variable "name" {
  description = "What buckets' names begin with: frontrow-ENVIRONMENT. A bucket's name is unique in the world."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the buckets."
  type        = string
}

variable "account_id" {
  description = "The AWS account, whose log deliveries may write into the bucket of logs."
  type        = string
}

variable "audit_days" {
  description = "For how long nobody, not even the account's owner, changes or deletes an audit's report."
  type        = number
  default     = 400
  validation {
    condition     = var.audit_days >= 365
    error_message = "Reports of audits are kept a year at least."
  }
}

variable "replica_bucket_arns" {
  description = "Buckets in another region by the bucket that is copied to each: backups, audit; none by default."
  type        = map(object({ arn = string, key_arn = string }))
  default     = {}
  validation {
    condition     = length(setsubtract(keys(var.replica_bucket_arns), ["backups", "audit"])) == 0
    error_message = "What is copied are backups and audit."
  }
}

variable "readers" {
  description = "Distributions of CloudFront that read the folder media of a bucket, by the bucket."
  type        = map(string)
  default     = {}
  validation {
    condition     = length(setsubtract(keys(var.readers), ["media"])) == 0
    error_message = "The bucket of media alone is read by CloudFront."
  }
}
