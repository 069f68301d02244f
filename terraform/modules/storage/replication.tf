# Copies in another region, where somebody wants them.

data "aws_iam_policy_document" "replication_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "replication" {
  for_each = var.replica_bucket_arns
  statement {
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = [aws_s3_bucket.this[each.key].arn]
  }
  statement {
    actions   = ["s3:GetObjectRetention", "s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"]
    resources = ["${aws_s3_bucket.this[each.key].arn}/*"]
  }
  statement {
    actions   = ["s3:ReplicateObject", "s3:ReplicateTags"]
    resources = ["${each.value.arn}/*"]
  }
  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]
  }
  statement {
    actions   = ["kms:Encrypt"]
    resources = [each.value.key_arn]
  }
}

resource "aws_iam_role" "replication" {
  for_each           = var.replica_bucket_arns
  name               = "${var.name}-replicates-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.replication_trust.json
}

resource "aws_iam_role_policy" "replication" {
  for_each = var.replica_bucket_arns
  name     = "may"
  role     = aws_iam_role.replication[each.key].id
  policy   = data.aws_iam_policy_document.replication[each.key].json
}

resource "aws_s3_bucket_replication_configuration" "this" {
  for_each = var.replica_bucket_arns
  bucket   = aws_s3_bucket.this[each.key].id
  role     = aws_iam_role.replication[each.key].arn
  rule {
    id     = "all"
    status = "Enabled"
    filter {}
    delete_marker_replication {
      status = "Disabled" # who deletes here deletes no copy
    }
    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }
    destination {
      bucket = each.value.arn
      encryption_configuration {
        replica_kms_key_id = each.value.key_arn
      }
    }
  }
  depends_on = [aws_s3_bucket_versioning.this]
}
