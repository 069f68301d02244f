mock_provider "aws" {
  mock_data "aws_route53_zone" {
    defaults = { zone_id = "Z0" }
  }
}

mock_provider "aws" {
  alias = "global"
}

override_resource {
  target = aws_acm_certificate.edge
  values = {
    arn = "arn:aws:acm:us-east-1:000000000000:certificate/edge"
    domain_validation_options = [
      { domain_name = "tickets.example", resource_record_name = "_a.tickets.example", resource_record_type = "CNAME", resource_record_value = "a.example" },
      { domain_name = "media.tickets.example", resource_record_name = "_b.tickets.example", resource_record_type = "CNAME", resource_record_value = "b.example" },
    ]
  }
}

override_resource {
  target = aws_acm_certificate.origin
  values = {
    arn = "arn:aws:acm:ap-northeast-2:000000000000:certificate/origin"
    domain_validation_options = [
      { domain_name = "tickets.example", resource_record_name = "_a.tickets.example", resource_record_type = "CNAME", resource_record_value = "a.example" },
      { domain_name = "origin.tickets.example", resource_record_name = "_c.tickets.example", resource_record_type = "CNAME", resource_record_value = "c.example" },
    ]
  }
}

variables {
  site = "tickets.example"
  zone = "tickets.example"
}

run "each_name_is_proved_once" {
  assert {
    condition     = length(aws_route53_record.proof) == 3 && aws_route53_record.proof["origin.tickets.example"].name == "_c.tickets.example"
    error_message = "A certificate waits for a proof that nobody gives."
  }
  assert {
    condition     = contains(aws_route53_record.issuers.records, "0 issue \"amazon.com\"")
    error_message = "Everybody may issue a certificate for the site."
  }
}

run "an_address_is_refused" {
  command = plan
  variables {
    site = "https://tickets.example/"
  }
  expect_failures = [var.site]
}
