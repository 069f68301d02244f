# The zone is there before (a person delegates it once); here are its certificates, one for CloudFront in
# us-east-1, one for the balancer, and who else may issue any.

data "aws_route53_zone" "this" {
  name         = var.zone
  private_zone = false
}

locals {
  names = [var.site, "media.${var.site}", "origin.${var.site}"]
}

resource "aws_acm_certificate" "edge" {
  provider                  = aws.global
  domain_name               = var.site
  subject_alternative_names = slice(local.names, 1, 2)
  validation_method         = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "origin" {
  domain_name               = var.site
  subject_alternative_names = slice(local.names, 2, 3)
  validation_method         = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}

locals {
  # Both certificates are proved by the same record for a name.
  proofs = {
    for option in concat(tolist(aws_acm_certificate.edge.domain_validation_options), tolist(aws_acm_certificate.origin.domain_validation_options)) :
    option.domain_name => option...
  }
}

resource "aws_route53_record" "proof" {
  for_each        = toset(local.names)
  zone_id         = data.aws_route53_zone.this.zone_id
  name            = local.proofs[each.value][0].resource_record_name
  type            = local.proofs[each.value][0].resource_record_type
  records         = [local.proofs[each.value][0].resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "edge" {
  provider                = aws.global
  certificate_arn         = aws_acm_certificate.edge.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_acm_certificate_validation" "origin" {
  certificate_arn         = aws_acm_certificate.origin.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_route53_record" "issuers" {
  zone_id = data.aws_route53_zone.this.zone_id
  name    = var.site
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\"", "0 issuewild \";\""]
}
