# The balancer takes CloudFront alone: its addresses by AWS's list (the security group, which the balancer's
# controller is given in the values), and our distribution by a header that only it can show.

resource "aws_wafv2_web_acl" "origin" {
  # checkov:skip=CKV_AWS_192: the firewall at the edge looks for it; here one header is compared
  # checkov:skip=CKV2_AWS_31: its lines would hold the secret header; refusals are counted
  name        = "${var.name}-origin"
  description = "What does not come by our distribution is refused"
  scope       = "REGIONAL"

  default_action {
    block {}
  }

  dynamic "rule" {
    for_each = range(length(var.origin_secrets))
    content {
      name     = "secret-${rule.value}"
      priority = rule.value
      action {
        allow {}
      }
      statement {
        byte_match_statement {
          search_string         = var.origin_secrets[rule.value]
          positional_constraint = "EXACTLY"
          field_to_match {
            single_header {
              name = "x-origin-secret"
            }
          }
          text_transformation {
            priority = 0
            type     = "NONE"
          }
        }
      }
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-origin-secret-${rule.value}"
        sampled_requests_enabled   = false # samples would show the secret
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-origin"
    sampled_requests_enabled   = false
  }
}
