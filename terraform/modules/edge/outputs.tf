output "origin_acl_arn" {
  description = "The balancer's firewall: annotation wafv2-acl-arn of the Ingress."
  value       = aws_wafv2_web_acl.origin.arn
}

output "media_distribution_arn" {
  description = "Who reads the public half of the bucket."
  value       = aws_cloudfront_distribution.media.arn
}
