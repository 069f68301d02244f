mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "ap-northeast-2" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name           = "frontrow-test"
  kubernetes     = "1.34"
  subnet_ids     = ["subnet-a", "subnet-b", "subnet-c"]
  key_arn        = "arn:aws:kms:ap-northeast-2:000000000000:key/cluster"
  logs_key_arn   = "arn:aws:kms:ap-northeast-2:000000000000:key/logs"
  account_id     = "000000000000"
  system_nodes   = { type = "m7i.large", each_zone = 1 }
  administrators = ["arn:aws:iam::000000000000:role/operators"]
}

run "the_cluster_is_closed_encrypted_and_logged" {
  command = plan
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The control plane has a public endpoint."
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.key_arn && contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets")
    error_message = "Secrets lie in etcd without our key."
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && aws_cloudwatch_log_group.control_plane.kms_key_id == var.logs_key_arn
    error_message = "A log of the control plane is missing, or unencrypted."
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "Who made the cluster may do everything in it for ever."
  }
  assert {
    condition     = strcontains(aws_eks_addon.before_nodes["vpc-cni"].configuration_values, "enableNetworkPolicy")
    error_message = "NetworkPolicies are not enforced."
  }
  assert {
    condition     = contains(keys(aws_eks_addon.before_nodes), "eks-pod-identity-agent")
    error_message = "Pods get no roles: the agent is missing."
  }
}

run "nodes_stand_in_three_zones_and_keep_their_role" {
  command = plan
  assert {
    condition     = length(aws_eks_node_group.system.subnet_ids) == 3 && aws_eks_node_group.system.scaling_config[0].min_size == 3 && aws_eks_node_group.system.capacity_type == "ON_DEMAND"
    error_message = "The system's nodes are not in all zones, or may be taken back."
  }
  assert {
    condition     = aws_launch_template.system.metadata_options[0].http_tokens == "required" && aws_launch_template.system.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A pod can ask for its node's role."
  }
  assert {
    condition     = alltrue([for disk in aws_launch_template.system.block_device_mappings : disk.ebs[0].encrypted == "true" && disk.ebs[0].kms_key_id == null])
    error_message = "A node's disk is unencrypted, or by a key that groups of machines may not use: no node would come."
  }
}

run "an_old_kubernetes_is_refused" {
  command = plan
  variables {
    kubernetes = "1.32"
  }
  expect_failures = [var.kubernetes]
}

run "two_zones_are_refused" {
  command = plan
  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }
  expect_failures = [var.subnet_ids]
}
