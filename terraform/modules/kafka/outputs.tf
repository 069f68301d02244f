output "brokers" {
  description = "The chart's kafka.bootstrapServers."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "security_group_id" {
  value = aws_security_group.this.id
}

output "user_entry" {
  description = "The entry for {\"username\": \"frontrow\", \"password\": ...}."
  value       = aws_secretsmanager_secret.user.name
}
