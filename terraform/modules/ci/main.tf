# What the workflows may do here. They have no key: the code's host vouches for each run by OpenID Connect,
# and a role believes it for one repository and one branch or environment.

locals {
  host = "token.actions.githubusercontent.com"
  # A job says its environment at the code's host; who may use that is set there (docs/deploying.md).
  subjects = {
    plan  = ["repo:${var.repository}:environment:${var.environment}-plan"]
    apply = ["repo:${var.repository}:environment:${var.environment}"]
    image = ["repo:${var.repository}:ref:refs/heads/main"]
    steer = [for one in ["", "-look", "-rollback"] : "repo:${var.repository}:environment:${var.environment}${one}"]
  }
}

resource "aws_iam_openid_connect_provider" "code" {
  url            = "https://${local.host}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.code.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "this" {
  for_each             = local.subjects
  name                 = "${var.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = each.key == "apply" ? 7200 : 3600
}

resource "aws_iam_role_policy" "this" {
  for_each = {
    plan  = data.aws_iam_policy_document.plan.json
    apply = data.aws_iam_policy_document.apply.json
    image = data.aws_iam_policy_document.image.json
    steer = data.aws_iam_policy_document.steer.json
  }
  name   = "may"
  role   = aws_iam_role.this[each.key].id
  policy = each.value
}

resource "aws_iam_role_policy_attachment" "look" {
  for_each   = toset(["plan", "apply"])
  role       = aws_iam_role.this[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
