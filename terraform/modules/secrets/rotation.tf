# Two users alternate: while one is in force the other gets a new password, so pods that started with
# the older one go on for 30 days (docs/decisions/0070: a new user comes with a restart). The second is called
# after the first, with _clone.

locals {
  masters = var.rotation == null ? {} : var.rotation.masters
}

data "aws_serverlessapplicationrepository_application" "rotation" {
  count          = var.rotation == null ? 0 : 1
  application_id = "arn:aws:serverlessrepo:us-east-1:297356227824:applications/SecretsManagerRDSPostgreSQLRotationMultiUser"
  # Without a version a plan would change something whenever AWS publishes one.
  semantic_version = var.rotation_version
}

resource "aws_serverlessapplicationrepository_cloudformation_stack" "rotation" {
  for_each         = local.masters
  name             = "${var.name}-rotation-${each.key}"
  application_id   = data.aws_serverlessapplicationrepository_application.rotation[0].application_id
  semantic_version = data.aws_serverlessapplicationrepository_application.rotation[0].semantic_version
  capabilities     = data.aws_serverlessapplicationrepository_application.rotation[0].required_capabilities
  parameters = {
    functionName        = "${var.name}-rotation-${each.key}"
    endpoint            = "https://secretsmanager.${data.aws_region.here.name}.amazonaws.com"
    kmsKeyArn           = aws_kms_key.this["secrets"].arn
    superuserSecretArn  = each.value.secret_arn
    vpcSubnetIds        = join(",", var.rotation.subnet_ids)
    vpcSecurityGroupIds = join(",", var.rotation.security_group_ids)
    excludeCharacters   = "/@\"'\\:?#[]%& " # the password stands in a URL
  }
}

# RDS writes no host beside the master's password: the function asks RDS for it.
data "aws_lambda_function" "rotation" {
  for_each      = local.masters
  function_name = aws_serverlessapplicationrepository_cloudformation_stack.rotation[each.key].outputs["RotationLambdaARN"]
}

data "aws_iam_policy_document" "rotation" {
  for_each = local.masters
  statement {
    sid       = "WhoseMaster"
    actions   = ["secretsmanager:DescribeSecret"]
    resources = [each.value.secret_arn]
  }
  statement {
    sid       = "WhereItIs"
    actions   = ["rds:DescribeDBClusters"]
    resources = [each.value.cluster_arn]
  }
}

resource "aws_iam_role_policy" "rotation" {
  for_each = local.masters
  name     = "find-the-database"
  role     = reverse(split("/", data.aws_lambda_function.rotation[each.key].role))[0]
  policy   = data.aws_iam_policy_document.rotation[each.key].json
}

resource "aws_secretsmanager_secret_rotation" "database" {
  for_each            = local.masters
  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = aws_serverlessapplicationrepository_cloudformation_stack.rotation[each.key].outputs["RotationLambdaARN"]
  rotate_immediately  = false
  rotation_rules {
    automatically_after_days = 30
  }
  depends_on = [aws_iam_role_policy.rotation]
}
