# A role of AWS for pods, by EKS Pod Identity: no key in the cluster, no provider of identities to keep.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "may"
  role   = aws_iam_role.this.id
  policy = var.policy
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = var.accounts
  cluster_name    = var.cluster
  namespace       = split("/", each.value)[0]
  service_account = split("/", each.value)[1]
  role_arn        = aws_iam_role.this.arn
}
