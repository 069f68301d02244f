output "keys" {
  description = "ARN of each key by its purpose."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}

output "entry_arns" {
  description = "ARN of each entry by its name."
  value       = { for name, entry in aws_secretsmanager_secret.this : name => entry.arn }
}
