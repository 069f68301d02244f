# What the AWS Load Balancer Controller may: look at everything, change what carries this cluster's tag.

locals {
  balancers = [for kind in ["targetgroup/*/*", "loadbalancer/app/*/*"] : "arn:aws:elasticloadbalancing:${local.region}:${local.account_id}:${kind}"]
  listeners = [for kind in ["listener/app/*/*/*", "listener-rule/app/*/*/*"] : "arn:aws:elasticloadbalancing:${local.region}:${local.account_id}:${kind}"]
}

data "aws_iam_policy_document" "balancer_controller" {
  statement {
    sid = "Look"
    actions = [
      "acm:DescribeCertificate", "acm:ListCertificates", "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses",
      "ec2:DescribeAvailabilityZones", "ec2:DescribeCoipPools", "ec2:DescribeInstances", "ec2:DescribeInternetGateways",
      "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
      "ec2:DescribeTags", "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc",
      "elasticloadbalancing:Describe*", "iam:ListServerCertificates", "shield:GetSubscriptionState",
      "wafv2:GetWebACL", "wafv2:GetWebACLForResource",
    ]
    resources = ["*"]
  }
  # The first balancer of an account makes AWS's own role for balancers.
  statement {
    sid       = "FirstBalancer"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["arn:aws:iam::${local.account_id}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"]
    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["elasticloadbalancing.amazonaws.com"]
    }
  }
  statement {
    sid       = "MakeOwn"
    actions   = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
    resources = local.balancers
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/elbv2.k8s.aws/cluster"
      values   = [local.name]
    }
  }
  statement {
    sid       = "TagAsMade"
    actions   = ["elasticloadbalancing:AddTags"]
    resources = local.balancers
    condition {
      test     = "StringEquals"
      variable = "elasticloadbalancing:CreateAction"
      values   = ["CreateLoadBalancer", "CreateTargetGroup"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/elbv2.k8s.aws/cluster"
      values   = [local.name]
    }
  }
  statement {
    sid = "ChangeOwn"
    actions = [
      "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteLoadBalancer",
      "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterTargets",
      "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyTargetGroup",
      "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets",
      "elasticloadbalancing:RemoveTags", "elasticloadbalancing:SetIpAddressType", "elasticloadbalancing:SetSecurityGroups",
      "elasticloadbalancing:SetSubnets", "elasticloadbalancing:SetWebAcl",
    ]
    resources = local.balancers
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/elbv2.k8s.aws/cluster"
      values   = [local.name]
    }
  }
  # Rules of listeners: by these a release gets its share.
  statement {
    sid = "Rules"
    actions = [
      "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateRule",
      "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyListener",
      "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyRule",
      "elasticloadbalancing:RemoveListenerCertificates", "elasticloadbalancing:RemoveTags",
      "elasticloadbalancing:SetRulePriorities",
    ]
    resources = local.listeners
  }
  statement {
    sid       = "Firewall"
    actions   = ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"]
    resources = ["arn:aws:wafv2:${local.region}:${local.account_id}:regional/webacl/${local.name}-origin/*", "arn:aws:elasticloadbalancing:${local.region}:${local.account_id}:loadbalancer/app/*/*"]
  }
}

module "balancer_controller_role" {
  source     = "../pod-role"
  name       = "${local.name}-balancer-controller"
  cluster    = module.cluster.name
  accounts   = ["kube-system/aws-load-balancer-controller"]
  policy     = data.aws_iam_policy_document.balancer_controller.json
  account_id = local.account_id
}
