output "zone_id" {
  value = data.aws_route53_zone.this.zone_id
}

output "edge_certificate_arn" {
  value = aws_acm_certificate_validation.edge.certificate_arn
}

output "origin_certificate_arn" {
  description = "The chart's routing.certificateArn."
  value       = aws_acm_certificate_validation.origin.certificate_arn
}
