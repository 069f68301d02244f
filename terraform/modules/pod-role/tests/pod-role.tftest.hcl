mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name       = "frontrow-test-storage"
  cluster    = "frontrow-test"
  accounts   = ["frontrow/frontrow-api", "frontrow/frontrow-audit"]
  policy     = "{}"
  account_id = "000000000000"
}

run "each_account_gets_the_role" {
  command = plan
  assert {
    condition     = aws_eks_pod_identity_association.this["frontrow/frontrow-audit"].namespace == "frontrow" && aws_eks_pod_identity_association.this["frontrow/frontrow-audit"].service_account == "frontrow-audit"
    error_message = "The association is another account's."
  }
}

run "an_account_without_a_namespace_is_refused" {
  command = plan
  variables {
    accounts = ["frontrow-api"]
  }
  expect_failures = [var.accounts]
}
