# A few nodes of their own for Karpenter, DNS and the operators; Karpenter makes all others
# (gitops/platform/karpenter).

data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each   = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy", "AmazonSSMManagedInstanceCore"])
  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_launch_template" "system" {
  name                   = "${var.name}-system"
  update_default_version = true

  # One hop: a pod cannot ask for the node's role.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    http_endpoint               = "enabled"
  }

  dynamic "block_device_mappings" {
    for_each = ["/dev/xvda", "/dev/xvdb"]
    content {
      device_name = block_device_mappings.value
      ebs {
        volume_type           = "gp3"
        volume_size           = block_device_mappings.value == "/dev/xvda" ? 4 : 60
        encrypted             = true # by AWS's key for disks, as Karpenter's: groups of machines may not use ours
        delete_on_termination = true
      }
    }
  }
}

resource "aws_eks_node_group" "system" {
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "system"
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnet_ids
  ami_type        = "BOTTLEROCKET_x86_64"
  capacity_type   = "ON_DEMAND"
  instance_types  = [var.system_nodes.type]
  labels          = { "frontrow/nodes" = "system" }

  scaling_config {
    min_size     = 3 * var.system_nodes.each_zone
    desired_size = 3 * var.system_nodes.each_zone
    max_size     = 6 * var.system_nodes.each_zone
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  launch_template {
    id      = aws_launch_template.system.id
    version = aws_launch_template.system.latest_version
  }

  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.before_nodes]
}
