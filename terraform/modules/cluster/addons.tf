locals {
  before_nodes = {
    "vpc-cni"                = jsonencode({ enableNetworkPolicy = "true" }) # or the chart's flows are words
    "kube-proxy"             = null
    "eks-pod-identity-agent" = null
  }
  after_nodes = {
    "coredns"        = jsonencode({ replicaCount = 3 })
    "metrics-server" = null
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each                    = local.before_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "after_nodes" {
  for_each                    = local.after_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  depends_on                  = [aws_eks_node_group.system]
}

# Prometheus' disk.
data "aws_iam_policy_document" "disks" {
  statement {
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
    resources = [var.key_arn]
  }
}

module "disks_role" {
  source     = "../pod-role"
  name       = "${var.name}-disks"
  cluster    = aws_eks_cluster.this.name
  accounts   = ["kube-system/ebs-csi-controller-sa"]
  policy     = data.aws_iam_policy_document.disks.json
  account_id = var.account_id
}

resource "aws_iam_role_policy_attachment" "disks" {
  role       = module.disks_role.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

resource "aws_eks_addon" "disks" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "aws-ebs-csi-driver"
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  depends_on                  = [aws_eks_node_group.system]
}
