output "role_arns" {
  description = "What the workflows assume, by what they do."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "image_repository" {
  description = "The chart's image.repository."
  value       = aws_ecr_repository.this.repository_url
}
