# The firewall at the edge. Its limits are of whole minutes and whole networks: they stop what a fan never does.
# What a person meets are the API's own limits (config/settings/limits.py).

locals {
  # Requests in a minute: by address (one address may be a whole carrier's), and by token (one person's).
  routes = {
    join    = { pattern = "^/(api/v1/performances/[^/]+/queue/|(ko|en)/performances/[^/]+/queue/place/)$", address = 6000, token = 60 }
    reserve = { pattern = "^/(api/v1/reservations/|(ko|en)/performances/[^/]+/seats/list/)$", address = 6000, token = 120 }
    login   = { pattern = "^/(_allauth/|(ko|en)/account/|account/|admin/login/)", address = 3000, token = 60 }
  }
  rates = merge(
    { for name, route in local.routes : "${name}-by-address" => { pattern = route.pattern, limit = route.address, token = false } },
    { for name, route in local.routes : "${name}-by-token" => { pattern = route.pattern, limit = route.token, token = true } },
  )
  order = sort(keys(local.rates))
}

resource "aws_wafv2_regex_pattern_set" "route" {
  provider = aws.global
  for_each = local.routes
  name     = "${var.name}-${each.key}"
  scope    = "CLOUDFRONT"
  regular_expression {
    regex_string = each.value.pattern
  }
}

resource "aws_wafv2_web_acl" "edge" {
  provider    = aws.global
  name        = "${var.name}-edge"
  description = "Before CloudFront"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  dynamic "rule" {
    for_each = local.rates
    content {
      name     = rule.key
      priority = index(local.order, rule.key)
      action {
        block {
          custom_response {
            response_code            = 429
            custom_response_body_key = "too-many"
            response_header {
              name  = "Retry-After"
              value = "60"
            }
          }
        }
      }
      statement {
        rate_based_statement {
          limit                 = rule.value.limit
          evaluation_window_sec = 60
          aggregate_key_type    = rule.value.token ? "CUSTOM_KEYS" : "IP"
          dynamic "custom_key" {
            for_each = rule.value.token ? ["authorization"] : []
            content {
              header {
                name = custom_key.value
                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }
          }
          scope_down_statement {
            and_statement {
              statement {
                byte_match_statement {
                  search_string         = "POST"
                  positional_constraint = "EXACTLY"
                  field_to_match {
                    method {}
                  }
                  text_transformation {
                    priority = 0
                    type     = "NONE"
                  }
                }
              }
              statement {
                regex_pattern_set_reference_statement {
                  arn = aws_wafv2_regex_pattern_set.route[split("-", rule.key)[0]].arn
                  field_to_match {
                    uri_path {}
                  }
                  text_transformation {
                    priority = 0
                    type     = "URL_DECODE"
                  }
                }
              }
            }
          }
        }
      }
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  # A browser shows that it is one on the page of the waiting room, before it can join.
  rule {
    name     = "challenge-before-join"
    priority = 20
    action {
      dynamic "challenge" {
        for_each = var.join_challenge == "challenge" ? [1] : []
        content {}
      }
      dynamic "count" {
        for_each = var.join_challenge == "count" ? [1] : []
        content {}
      }
    }
    statement {
      regex_match_statement {
        regex_string = "^/(ko|en)/performances/[^/]+/queue/$"
        field_to_match {
          uri_path {}
        }
        text_transformation {
          priority = 0
          type     = "URL_DECODE"
        }
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-challenge-before-join"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "bots"
    priority = 30
    override_action {
      none {}
    }
    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesBotControlRuleSet"
        vendor_name = "AWS"
        managed_rule_group_configs {
          aws_managed_rules_bot_control_rule_set {
            inspection_level        = "TARGETED"
            enable_machine_learning = true
          }
        }
        # Integrators and apps are no browsers: their keys and tokens are what they are judged by.
        scope_down_statement {
          not_statement {
            statement {
              byte_match_statement {
                search_string         = "/api/"
                positional_constraint = "STARTS_WITH"
                field_to_match {
                  uri_path {}
                }
                text_transformation {
                  priority = 0
                  type     = "URL_DECODE"
                }
              }
            }
          }
        }
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-bots"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "core"
    priority = 40
    override_action {
      dynamic "none" {
        for_each = var.core_rules == "block" ? [1] : []
        content {}
      }
      dynamic "count" {
        for_each = var.core_rules == "count" ? [1] : []
        content {}
      }
    }
    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesCommonRuleSet"
        vendor_name = "AWS"
        # Staff upload layouts of 32 MiB.
        rule_action_override {
          name = "SizeRestrictions_BODY"
          action_to_use {
            count {}
          }
        }
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-core"
      sampled_requests_enabled   = true
    }
  }

  # What no fan ever sends is refused from the first day.
  rule {
    name     = "known-attacks"
    priority = 50
    override_action {
      none {}
    }
    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
        vendor_name = "AWS"
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-known-attacks"
      sampled_requests_enabled   = true
    }
  }

  custom_response_body {
    key          = "too-many"
    content_type = "APPLICATION_JSON"
    content = jsonencode({
      type   = "/docs/errors#rate_limited"
      title  = "Too Many Requests"
      status = 429
      code   = "rate_limited"
    })
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-edge"
    sampled_requests_enabled   = true
  }
}
