variable "name" {
  description = "What everything is called: frontrow-ENVIRONMENT."
  type        = string
}

variable "engine_version" {
  description = "Valkey's version: 9 or newer, for the waiting room forgets places by HEXPIRE (queueing/lua)."
  type        = string
  validation {
    condition     = can(regex("^(9|[1-9][0-9])\\.[0-9]$", var.engine_version))
    error_message = "Valkey 9.0 or newer, as MAJOR.MINOR: older ones do not know HEXPIRE."
  }
}

variable "types" {
  description = "Node type of each role."
  type        = object({ lock = string, queue = string, cache = string, broker = string })
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "Isolated subnets, one a zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Masters stand in three zones."
  }
}

variable "clients" {
  description = "Security groups that may ask, by their names."
  type        = map(string)
}

variable "key_arn" {
  description = "KMS key of data at rest."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Who hears of failovers."
  type        = string
}

variable "passwords_changed" {
  description = "Whether people have given each user another password (docs/deploying.md): until then the users are off."
  type        = bool
}

variable "passwords" {
  description = "First password of each role's user. The state keeps it, so it opens nothing: see passwords_changed."
  type        = object({ lock = string, queue = string, cache = string, broker = string })
  sensitive   = true
  validation {
    condition     = alltrue([for one in values(var.passwords) : length(one) >= 32])
    error_message = "A password has 32 characters or more."
  }
}
