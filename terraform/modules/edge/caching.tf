# What is kept at the edge: files for ever, public documents for as long as the API says (a second), in one
# of two languages. Nothing else.

locals {
  # AWS's own policies, by the ids that AWS publishes.
  caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer       = "216adef6-5c7f-47e4-b989-5492eafa07d3"
  documents = [
    "/api/v1/concerts/*",
    "/api/v1/performances/*/seatmap/",
    "/api/v1/performances/*/seatmap/outline/",
    "/api/v1/performances/*/availability/",
    "/api/v1/performances/*/queue/",
    "/api/v1/performances/*/draw/",
  ]
}

resource "aws_cloudfront_cache_policy" "documents" {
  name        = "${var.name}-documents"
  comment     = "As long as Cache-Control says; in the key: path, query, language"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 300

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true
    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["Accept-Language"]
      }
    }
    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

resource "aws_cloudfront_cache_policy" "files" {
  name        = "${var.name}-files"
  comment     = "Their names say what is in them; in the key: the path"
  min_ttl     = 0
  default_ttl = 3600
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true
    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_function" "language" {
  name    = "${var.name}-language"
  runtime = "cloudfront-js-2.0"
  comment = "One of two languages"
  code    = file("${path.module}/language.js")
}
