variable "name" {
  description = "The cluster's name: frontrow-ENVIRONMENT."
  type        = string
}

variable "kafka_version" {
  description = "Kafka's version, with KRaft."
  type        = string
  validation {
    condition     = can(regex("^[4-9]\\.[0-9x.]+\\.kraft$", var.kafka_version))
    error_message = "A version such as 4.1.x.kraft: 4 or newer, without ZooKeeper."
  }
}

variable "broker" {
  description = "Type and GiB of each of the three brokers."
  type        = object({ type = string, gib = number })
  validation {
    condition     = startswith(var.broker.type, "kafka.") && var.broker.gib >= 50
    error_message = "A type such as kafka.m7g.large, and at least 50 GiB."
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
    error_message = "A broker stands in each of three zones."
  }
}

variable "clients" {
  description = "Security groups that may ask, by their names."
  type        = map(string)
}

variable "key_arn" {
  description = "KMS key of the data."
  type        = string
}

variable "secrets_key_arn" {
  description = "KMS key of the user's password; MSK refuses AWS's own."
  type        = string
}

variable "logs_key_arn" {
  description = "KMS key of log groups."
  type        = string
}

variable "user_ready" {
  description = "Whether the user's name and password stand in its entry: MSK takes no empty one."
  type        = bool
}
