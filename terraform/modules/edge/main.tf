# The way in: CloudFront with the firewall before it, and the balancer behind it, which takes CloudFront alone.

resource "aws_cloudfront_origin_access_control" "media" {
  name                              = "${var.name}-media"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_distribution" "site" {
  # checkov:skip=CKV2_AWS_47: rule known-attacks of firewall.tf has it; it is not followed to another provider
  # checkov:skip=CKV_AWS_86: access lines go by log deliveries (logs.tf), which need no ACL of a bucket
  # checkov:skip=CKV_AWS_305: the address / is a page of its own
  # checkov:skip=CKV_AWS_310: there is one site; a second origin would sell seats twice
  # checkov:skip=CKV_AWS_374: fans travel: they buy from everywhere
  # checkov:skip=CKV2_AWS_32: the API and the gateway send headers that fit each page; here they would be another truth
  comment         = var.name
  aliases         = [var.site]
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_200"
  web_acl_id      = aws_wafv2_web_acl.edge.arn

  origin {
    origin_id   = "site"
    domain_name = "origin.${var.site}"
    custom_header {
      name  = "X-Origin-Secret"
      value = var.origin_secrets[0]
    }
    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 60
      origin_keepalive_timeout = 55 # shorter than the balancer's 60
    }
    origin_shield {
      enabled              = true
      origin_shield_region = var.shield_region
    }
  }

  default_cache_behavior {
    target_origin_id         = "site"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = true
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_viewer
  }

  ordered_cache_behavior {
    path_pattern             = "/static/*"
    target_origin_id         = "site"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["GET", "HEAD", "OPTIONS"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = true
    cache_policy_id          = aws_cloudfront_cache_policy.files.id
    origin_request_policy_id = local.all_viewer
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.documents
    content {
      path_pattern             = ordered_cache_behavior.value
      target_origin_id         = "site"
      viewer_protocol_policy   = "redirect-to-https"
      allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
      cached_methods           = ["GET", "HEAD"]
      compress                 = true
      cache_policy_id          = aws_cloudfront_cache_policy.documents.id
      origin_request_policy_id = local.all_viewer
      function_association {
        event_type   = "viewer-request"
        function_arn = aws_cloudfront_function.language.arn
      }
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

# As the gateway sends pictures: nothing in them may ever run.
resource "aws_cloudfront_response_headers_policy" "media" {
  # checkov:skip=CKV_AWS_259: to be preloaded is a decision about the whole site, which its people make
  name = "${var.name}-media"
  security_headers_config {
    content_type_options {
      override = true
    }
    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox; base-uri 'none'; frame-ancestors 'none'"
      override                = true
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }
  }
}

# MEDIA_URL: the public half of the bucket, for readers of this distribution alone.
resource "aws_cloudfront_distribution" "media" {
  # checkov:skip=CKV2_AWS_47: rule known-attacks of firewall.tf has it; it is not followed to another provider
  # checkov:skip=CKV_AWS_86: lines about pictures that everybody may see say nothing
  # checkov:skip=CKV_AWS_305: there are pictures alone, each by its name
  # checkov:skip=CKV_AWS_310: a picture that is missing for a moment keeps nobody from a ticket
  # checkov:skip=CKV_AWS_374: fans travel: they look from everywhere
  comment         = "${var.name}-media"
  aliases         = ["media.${var.site}"]
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_200"
  web_acl_id      = aws_wafv2_web_acl.edge.arn

  origin {
    origin_id                = "media"
    domain_name              = var.media_domain
    origin_path              = "/media"
    origin_access_control_id = aws_cloudfront_origin_access_control.media.id
    origin_shield {
      enabled              = true
      origin_shield_region = var.shield_region
    }
  }

  default_cache_behavior {
    target_origin_id       = "media"
    viewer_protocol_policy = "redirect-to-https"
    allowed_methods        = ["GET", "HEAD", "OPTIONS"]
    cached_methods         = ["GET", "HEAD"]
    cache_policy_id        = aws_cloudfront_cache_policy.files.id

    response_headers_policy_id = aws_cloudfront_response_headers_policy.media.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_shield_protection" "this" {
  for_each     = var.shield_advanced ? { site = aws_cloudfront_distribution.site.arn, media = aws_cloudfront_distribution.media.arn } : {}
  name         = "${var.name}-${each.key}"
  resource_arn = each.value
}

locals {
  records = {
    for pair in setproduct(["site", "media"], ["A", "AAAA"]) : join("-", pair) => { which = pair[0], type = pair[1] }
  }
  distributions = { site = aws_cloudfront_distribution.site, media = aws_cloudfront_distribution.media }
}

resource "aws_route53_record" "this" {
  for_each = local.records
  zone_id  = var.zone_id
  name     = each.value.which == "site" ? var.site : "media.${var.site}"
  type     = each.value.type
  alias {
    name                   = local.distributions[each.value.which].domain_name
    zone_id                = local.distributions[each.value.which].hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "origin" {
  count   = var.balancer == null ? 0 : 1
  zone_id = var.zone_id
  name    = "origin.${var.site}"
  type    = "CNAME"
  ttl     = 60
  records = [var.balancer]
}
