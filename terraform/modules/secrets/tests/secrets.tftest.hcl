mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "ap-northeast-2" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_serverlessapplicationrepository_cloudformation_stack" {
    defaults = { outputs = { RotationLambdaARN = "arn:aws:lambda:ap-northeast-2:000000000000:function:rotation" } }
  }
  mock_data "aws_serverlessapplicationrepository_application" {
    defaults = { required_capabilities = ["CAPABILITY_IAM"] }
  }
  mock_data "aws_lambda_function" {
    defaults = { role = "arn:aws:iam::000000000000:role/serverlessrepo-rotation" }
  }
}

variables {
  name        = "frontrow-staging"
  environment = "staging"
  account_id  = "000000000000"
}

run "each_purpose_has_a_key_that_turns" {
  command = plan
  assert {
    condition     = length(aws_kms_key.this) == 6 && alltrue([for key in aws_kms_key.this : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "A key never turns, or can be gone within a month."
  }
  assert {
    condition     = contains(keys(aws_secretsmanager_secret.this), "signing-keys") && alltrue([for entry in aws_secretsmanager_secret.this : startswith(entry.name, "frontrow/staging/") && entry.recovery_window_in_days == 30])
    error_message = "An entry is missing, misnamed, or deleted at once."
  }
  assert {
    condition     = alltrue([for policy in aws_secretsmanager_secret_policy.this : policy.block_public_policy])
    error_message = "An entry may be given to the public."
  }
  assert {
    condition     = length(aws_secretsmanager_secret_rotation.database) == 0
    error_message = "A rotation without a database."
  }
}

run "the_databases_user_changes_each_month" {
  command = plan
  variables {
    rotation = {
      masters = {
        database = {
          secret_arn  = "arn:aws:secretsmanager:ap-northeast-2:000000000000:secret:master"
          cluster_arn = "arn:aws:rds:ap-northeast-2:000000000000:cluster:frontrow-staging"
        }
      }
      subnet_ids         = ["subnet-a"]
      security_group_ids = ["sg-a"]
    }
  }
  assert {
    condition     = aws_secretsmanager_secret_rotation.database["database"].rotation_rules[0].automatically_after_days == 30
    error_message = "The database's user is not changed each 30 days."
  }
  assert {
    condition     = strcontains(aws_serverlessapplicationrepository_cloudformation_stack.rotation["database"].parameters.superuserSecretArn, "master")
    error_message = "The users cannot alternate: the function has no master."
  }
  assert {
    condition     = data.aws_serverlessapplicationrepository_application.rotation[0].semantic_version == var.rotation_version
    error_message = "Each version that AWS publishes would change the plan."
  }
}

run "another_environment_is_refused" {
  command = plan
  variables {
    environment = "laptop"
  }
  expect_failures = [var.environment]
}
