mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name            = "frontrow-test"
  environment     = "staging"
  repository      = "promoter/frontrow"
  account_id      = "000000000000"
  region          = "ap-northeast-2"
  images_key_arn  = "arn:aws:kms:ap-northeast-2:000000000000:key/images"
  secrets_key_arn = "arn:aws:kms:ap-northeast-2:000000000000:key/secrets"
  state_bucket    = "promoter-terraform"
}

run "an_image_is_what_was_pushed" {
  command = plan
  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "A tag may be moved, or an image goes unscanned."
  }
  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].kms_key == var.images_key_arn
    error_message = "Images lie without our key."
  }
}

run "each_role_believes_one_repository" {
  command = plan
  assert {
    condition     = alltrue(flatten([for subjects in local.subjects : [for one in subjects : startswith(one, "repo:promoter/frontrow:") && !strcontains(one, "*")]]))
    error_message = "Another repository's workflows get a role."
  }
  assert {
    condition     = local.subjects.apply == ["repo:promoter/frontrow:environment:staging"]
    error_message = "A run without the environment's approval may apply."
  }
}

run "a_wildcard_is_refused" {
  command = plan
  variables {
    repository = "promoter/*"
  }
  expect_failures = [var.repository]
}
