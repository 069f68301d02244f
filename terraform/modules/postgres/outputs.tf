output "writer" {
  description = "Host of DATABASE_URL."
  value       = aws_rds_cluster.this.endpoint
}

output "reader" {
  description = "Host of REPLICA_URL."
  value       = aws_rds_cluster.this.reader_endpoint
}

output "master" {
  description = "Where RDS keeps the master's password, by which the application's users are made, and whose it is."
  value = {
    secret_arn  = aws_rds_cluster.this.master_user_secret[0].secret_arn
    cluster_arn = aws_rds_cluster.this.arn
  }
}

output "security_group_id" {
  value = aws_security_group.this.id
}
