variable "site" {
  description = "The site's host name: tickets.example."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.site))
    error_message = "A host name, such as tickets.example."
  }
}

variable "zone" {
  description = "The hosted zone, which a person makes and delegates once: tickets.example."
  type        = string
}
