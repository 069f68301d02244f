# What only the account's owner knows, in Git like the rest, so that a workflow plans what a person would. Nothing
# secret: placeholders are replaced once; the last two lines move by a reviewed commit (docs/deploying.md).
repository     = "promoter/frontrow"
state_bucket   = "promoter-terraform"
administrators = ["arn:aws:iam::000000000000:role/operators"]
callers        = ["https://oncall.example/alarms"] # without a token: who is called checks the message's signature
values_written = false
balancer       = null
