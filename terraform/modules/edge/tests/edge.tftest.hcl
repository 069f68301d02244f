mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

mock_provider "aws" {
  alias = "global"
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

override_resource {
  target          = aws_wafv2_regex_pattern_set.route
  override_during = plan
  values          = { arn = "arn:aws:wafv2:us-east-1:000000000000:global/regexpatternset/route" }
}

variables {
  name            = "frontrow-test"
  site            = "tickets.example"
  zone_id         = "Z0"
  certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/edge"
  shield_region   = "ap-northeast-2"
  balancer        = "balancer.example"
  media_domain    = "frontrow-test.s3.ap-northeast-2.amazonaws.com"
  logs_bucket_arn = "arn:aws:s3:::frontrow-test-logs"
  origin_secrets  = ["00000000000000000000000000000000", "11111111111111111111111111111111"]
  account_id      = "000000000000"
  callers         = ["https://oncall.example/alarms"]
  core_rules      = "count"
  join_challenge  = "count"
}

run "what_is_kept_and_what_never" {
  command = plan
  assert {
    condition     = aws_cloudfront_distribution.site.default_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    error_message = "Something that is one person's may be kept."
  }
  assert {
    condition     = toset([for one in aws_cloudfront_distribution.site.ordered_cache_behavior : one.path_pattern]) == toset(concat(["/static/*"], local.documents))
    error_message = "Something else is kept than files and public documents."
  }
  assert {
    condition     = flatten([for headers in aws_cloudfront_cache_policy.documents.parameters_in_cache_key_and_forwarded_to_origin[0].headers_config[0].headers : tolist(headers.items)]) == ["Accept-Language"] && aws_cloudfront_cache_policy.documents.parameters_in_cache_key_and_forwarded_to_origin[0].cookies_config[0].cookie_behavior == "none"
    error_message = "A document is kept by more than its language."
  }
  assert {
    condition     = aws_cloudfront_cache_policy.documents.min_ttl == 0 && aws_cloudfront_cache_policy.documents.default_ttl == 0
    error_message = "A document is kept for longer than the API says."
  }
  assert {
    condition     = aws_cloudfront_distribution.site.http_version == "http2and3" && alltrue([for origin in aws_cloudfront_distribution.site.origin : origin.origin_shield[0].enabled])
    error_message = "HTTP/3 or Origin Shield is missing."
  }
}

run "the_way_in_is_encrypted_and_one" {
  command = plan
  assert {
    condition     = aws_cloudfront_distribution.site.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && alltrue([for origin in aws_cloudfront_distribution.site.origin : origin.custom_origin_config[0].origin_protocol_policy == "https-only"])
    error_message = "A way in is unencrypted."
  }
  assert {
    condition     = length(aws_wafv2_web_acl.origin.default_action[0].block) == 1 && length(aws_wafv2_web_acl.origin.rule) == 2
    error_message = "The balancer answers others than CloudFront."
  }
  assert {
    condition     = aws_route53_record.origin[0].records == toset(["balancer.example"])
    error_message = "CloudFront does not find the balancer."
  }
}

run "floods_are_refused_by_address_and_by_token" {
  command = plan
  assert {
    condition     = length(setsubtract(["join-by-address", "join-by-token", "reserve-by-address", "reserve-by-token", "login-by-address", "login-by-token", "bots", "challenge-before-join", "core", "known-attacks"], [for rule in aws_wafv2_web_acl.edge.rule : rule.name])) == 0
    error_message = "A rule of the firewall is missing."
  }
  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.edge.rule : rule.priority])) == length(aws_wafv2_web_acl.edge.rule)
    error_message = "Two rules have one priority."
  }
  assert {
    condition     = contains(flatten([for field in aws_wafv2_web_acl_logging_configuration.edge.redacted_fields : [for header in field.single_header : header.name]]), "authorization")
    error_message = "Tokens stand in the firewall's log."
  }
}

run "a_certificate_of_elsewhere_is_refused" {
  command = plan
  variables {
    certificate_arn = "arn:aws:acm:ap-northeast-2:000000000000:certificate/origin"
  }
  expect_failures = [var.certificate_arn]
}

run "a_short_secret_is_refused" {
  command = plan
  variables {
    origin_secrets = ["short"]
  }
  expect_failures = [var.origin_secrets]
}
