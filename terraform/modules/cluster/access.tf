# Who may what in the cluster is named here, by roles: no map in the cluster that one typo locks everybody out of.

resource "aws_eks_access_entry" "administrator" {
  for_each      = var.administrators
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "administrator" {
  for_each      = var.administrators
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.administrator[each.key].principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
  access_scope {
    type = "cluster"
  }
}

# The group's rights are in gitops/platform/access: EKS has no policy that steers Rollouts.
resource "aws_eks_access_entry" "deployer" {
  for_each          = var.deployers
  cluster_name      = aws_eks_cluster.this.name
  principal_arn     = each.value
  kubernetes_groups = ["frontrow:deployers"]
}
