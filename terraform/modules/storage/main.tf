# Buckets: closed to the public, encrypted by our key (logs by S3's), reached by TLS alone, old versions kept for a while.

locals {
  # How many days objects and old versions live; 0: for ever.
  buckets = {
    logs      = { objects = 90, versions = 7 }
    artefacts = { objects = 400, versions = 30 } # plans, SBOMs, reports of the workflows
    media     = { objects = 0, versions = 90 }   # STORAGE_URL: posters, staff's reports, layout files
    backups   = { objects = 0, versions = 35 }   # copies of the database beside RDS' own; barman-cloud where it runs itself
    audit     = { objects = 0, versions = 30 }
  }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18: each bucket but that of logs writes its lines there (below, by for_each)
  # checkov:skip=CKV_AWS_145: all but logs have our key (below); S3 writes its own lines into no such bucket
  # checkov:skip=CKV_AWS_144: copies in another region are a choice (replication.tf)
  # checkov:skip=CKV2_AWS_62: nobody waits for a file: what has happened is an event of Kafka
  for_each            = local.buckets
  bucket              = each.key == "media" ? var.name : "${var.name}-${each.key}"
  object_lock_enabled = each.key == "audit"
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = each.key != "logs"
    apply_server_side_encryption_by_default {
      # S3 writes lines about the other buckets into no bucket whose default is a key of ours.
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "logs" ? null : var.key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    id     = "age"
    status = "Enabled"
    filter {}
    dynamic "expiration" {
      for_each = each.value.objects == 0 ? [] : [each.value.objects]
      content {
        days = expiration.value
      }
    }
    noncurrent_version_expiration {
      noncurrent_days = each.value.versions
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each      = { for name, bucket in local.buckets : name => bucket if name != "logs" }
  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "s3/${each.key}/"
}

resource "aws_s3_bucket_object_lock_configuration" "audit" {
  bucket = aws_s3_bucket.this["audit"].id
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.audit_days
    }
  }
  depends_on = [aws_s3_bucket_versioning.this]
}
