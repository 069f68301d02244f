variable "name" {
  description = "The database cluster's name."
  type        = string
}

variable "database" {
  description = "The database in it."
  type        = string
}

variable "engine_version" {
  description = "PostgreSQL's major version."
  type        = string
  default     = "18"
}

variable "size" {
  description = "Instance class of all three members, GiB and IOPS."
  type        = object({ class = string, gib = number, iops = number })
  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.size.class)) && var.size.gib >= 100
    error_message = "A class such as db.m6gd.large, and at least 100 GiB."
  }
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "Isolated subnets, one a zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "A member stands in each of three zones."
  }
}

variable "clients" {
  description = "Security groups that may ask, by their names."
  type        = map(string)
}

variable "key_arn" {
  description = "KMS key of the data and its backups."
  type        = string
}

variable "secrets_key_arn" {
  description = "KMS key of the master's password."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Who hears of failovers."
  type        = string
}

variable "backup_days" {
  description = "How far back the database can be brought to any second."
  type        = number
  default     = 35
  validation {
    condition     = var.backup_days == 35
    error_message = "35 days, as much as there is: staging rehearses what production does."
  }
}
